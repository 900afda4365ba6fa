// What html-validate holds an email to: everything it recommends but what mail programs need otherwise. Each rule that
// is off or bent has its reason here.
export default {
  root: true,
  extends: ["html-validate:recommended", "html-validate:document"],
  rules: {
    // Outlook for Windows sets two columns side by side only in tables of its own, written in conditional comments.
    "no-conditional-comment": "off",
    // Where a mail program drops the style block, what stands in the elements is all that is left.
    "no-inline-style": "off",
    // Outlook for Windows sizes and aligns tables by their attributes, not by CSS.
    "no-deprecated-attr": "off",
    // Tables here only set out; a tbody around each would cost a kilobyte of what Gmail shows before it clips.
    "prefer-tbody": "off",
    // MRML writes html's way of void elements in what it makes and keeps MJML's, which is XML, in what it copies.
    "void-style": "off",
    // MRML writes the doctype in lower case, which every parser takes for the same.
    "doctype-style": "off",
    // The title is the subject, whose length preflight judges; the rule counts `&#8220;` as seven characters.
    "long-title": "off",
    // MRML's body is a div with this role; an article element is dropped by several web mail programs.
    "prefer-native-element": ["error", { exclude: ["article"] }],
  },
};
