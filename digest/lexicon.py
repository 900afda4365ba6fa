"""General knowledge that spotting and clustering read: names, words and signs, as data.

Terms are separated by ";" or line ends and matched against lower-case text as whole words: "ai" is not found in
"maintain", but it is in "AI驱动", because only Latin letters and digits bind. A term is a regular expression.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Literal

Where = Literal["title", "start", "text", "link"]


def terms(text: str, *, start: bool = False) -> re.Pattern[str]:
    """Compile terms separated by ";" or line ends; with `start`, they count only where the text begins."""
    listed = "|".join(term.strip() for term in re.split(r"[;\n]", text) if term.strip())
    before = "^" if start else "(?<![a-zà-ÿ0-9])"
    return re.compile(rf"{before}(?:{listed})(?![a-zà-ÿ0-9])")


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


#: Makers of AI models and tools, as they are written before a product's name.
VENDOR = terms(r"""
    openai; anthropic; google(?: deepmind| cloud| labs| ai)?; deepmind; meta; microsoft; amazon; aws; apple; nvidia
    ibm; xai; mistral(?: ai)?(?! \w); mistral ai; cohere(?: labs)?; deepseek; alibaba(?: cloud)?; tencent; baidu
    bytedance; moonshot(?: ai)?; zhipu(?: ai)?; z\.ai; minimax; stability ai; runway; perplexity; hugging ?face; groq
    cerebras; ai2; adobe; salesforce; databricks; snowflake; github; gitlab; jetbrains; vercel; cloudflare; samsung
    xiaomi; huawei; intel; amd; black forest labs; luma(?: ai)?; together ai; replicate; oracle; sap; atlassian
    mozilla; liquid ai; ideogram
""")

#: Makers among them of whom nothing but AI is expected, so that their name alone hints at it.
AI_VENDOR = terms(r"""
    openai; anthropic; deepmind; google deepmind; xai; mistral(?: ai)?; cohere; deepseek; moonshot(?: ai)?; zhipu; z\.ai
    minimax; stability ai; runway; perplexity; hugging ?face; groq; cerebras; ai2; black forest labs; luma ai
    together ai; replicate; liquid ai; ideogram
""")

#: Lines of models that are known by name; the version is part of what people call them.
MODEL_LINE = terms(r"""
    gpt[- ]?oss(?:-\d+b)?; gpt[- ]?(?:image|realtime|audio)?[- ]?\d[\w.]*; gpt; chatgpt-\d[\w.]*
    o[134](?:-mini|-pro)?; dall[-·]e; sora; whisper; claude (?:opus|sonnet|haiku|instant|mythos|\d[\w.]*)
    (?:opus|sonnet|haiku)(?= \d); gemini(?= (?:\d|pro|ultra|flash|nano|embedding|robotics|omni)); gemma; medgemma
    imagen; veo; lyria; nano banana; genie(?= \d); llama; muse (?:spark|image); segment anything; sam \d; qwen[\w.]*
    qwq; deepseek[- ](?:v|r|coder|ocr)[\w.]*; kimi[- ]k\d[\w.]*; glm[- ]?\d[\w.]*; minimax[- ]m\d[\w.]*; hunyuan
    ernie; doubao; seedance; seedream; wan ?\d[\w.]*; kling; hailuo; vidu
    mistral (?:small|medium|large|nemo|saba|ocr|7b); mixtral; mistral(?= \d); ministral; magistral; devstral; codestral
    pixtral; voxtral; grok(?= ?\d); grok (?:code|imagine); phi[- ]\d[\w.]*; nemotron; granite; olmo; molmo\w*; tulu
    command [ar]\+?; aya; rerank; stable (?:diffusion|audio|video); flux(?=[ .-][\d1])
    nova (?:pro|lite|micro|premier|canvas|reel|sonic); smollm\w*; smolvlm\w*; starcoder\w*; falcon(?= ?\d); jamba
    palmyra; step[- ]\d[\w.]*; mimo; composer(?= \d); lfm\d
""")

#: Products made of AI that are known by name; the version is not part of the name.
PRODUCT = terms(r"""
    chatgpt; codex(?: cli)?; claude (?:code|cowork|desktop|design|managed agents|agent sdk|platform|security); claude
    gemini (?:cli|api|app|live); gemini; notebooklm; antigravity; jules; vertex ai; google ai studio; ai overviews
    ai mode
    (?:github |microsoft 365 )?copilot(?: (?:cli|cloud agent|coding agent|studio|chat|memory|spaces|workspace))?
    cursor; bugbot; windsurf; devin; cline; replit(?: agent)?; lovable; bolt\.new; le chat; mistral code; meta ai
    alexa\+?; siri; apple intelligence; bedrock; amazon q; kiro; grok build; grok; perplexity; comet; midjourney
    firefly; notion ai; ollama; lm studio; langgraph; langchain; llamaindex; crewai; dify; n8n; vllm; sglang
    llama\.cpp; hugging face; groqcloud; elevenlabs; heygen; synthesia; descript; manus; genspark; openclaw; pinecone
    weaviate; qdrant; milvus
""")

#: Hosts of makers whose every page is about AI, and the product a page is about when its title names none.
AI_HOSTS = {
    "openai.com": "ChatGPT",
    "anthropic.com": "Claude",
    "claude.com": "Claude",
    "deepmind.google": "",
    "ai.google.dev": "Gemini",
    "mistral.ai": "",
    "cohere.com": "",
    "groq.com": "GroqCloud",
    "x.ai": "Grok",
    "cursor.com": "Cursor",
    "windsurf.com": "Windsurf",
    "perplexity.ai": "Perplexity",
    "huggingface.co": "",
    "stability.ai": "",
    "runwayml.com": "Runway",
    "elevenlabs.io": "ElevenLabs",
    "ollama.com": "Ollama",
    "ai.meta.com": "",
    "replicate.com": "Replicate",
    "langchain.com": "LangChain",
    "langfuse.com": "Langfuse",
    "llamaindex.ai": "LlamaIndex",
    "pinecone.io": "Pinecone",
    "weaviate.io": "Weaviate",
    "qdrant.tech": "Qdrant",
    "composio.dev": "Composio",
    "lmstudio.ai": "LM Studio",
    "suno.com": "Suno",
    "midjourney.com": "Midjourney",
    "deepseek.com": "",
    "qwen.ai": "",
    "kimi.com": "Kimi",
    "moonshot.ai": "Kimi",
    "bfl.ai": "",
    "cerebras.ai": "",
    "allenai.org": "",
    "devin.ai": "Devin",
    "cognition.ai": "Devin",
    "lovable.dev": "Lovable",
    "replit.com": "Replit",
    "fal.ai": "",
}

#: What makers of one kind of thing make.
MAKER_CATEGORY = {
    host: category
    for category, hosts in {
        "Developer Tools": "cursor.com windsurf.com devin.ai cognition.ai replit.com ollama.com lmstudio.ai",
        "Infrastructure": "pinecone.io weaviate.io qdrant.tech groq.com cerebras.ai fal.ai replicate.com",
        "Search & Research": "perplexity.ai",
        "Image & Video": "runwayml.com midjourney.com bfl.ai stability.ai",
        "Audio & Voice": "elevenlabs.io suno.com",
    }.items()
    for host in hosts.split()
}

#: Common nouns that makers take for names; they say nothing without the maker's name before them.
GENERIC_NAMES = word_set("""
    agent agents app apps assistant artifacts browser canvas canvases channels chat code computer connectors console
    design desktop drive editor extensions files forge hub images integrations labs library marketplace memory mobile
    models north notebooks pages plans platform playground plugins projects research rooms routines sandbox sandboxes
    search security sites skills spaces studio subagents tasks teams thinking tools vision voice web workflows workspace
    workspaces
""")

#: Hosts that list products on the day they launch.
DIRECTORY_HOSTS = word_set("""
    producthunt.com betalist.com theresanaiforthat.com futurepedia.io uneed.best peerlist.io devhunt.org microlaunch.net
    launchingnext.com toolify.ai fazier.com tinylaun.ch sideprojectors.com
""")

#: Hosts that carry code or packages to be used at once.
CODE_HOSTS = word_set("""
    github.com gitlab.com codeberg.org marketplace.visualstudio.com open-vsx.org
""")

#: Hosts of newspapers: there a title is a headline, and a name alone announces nothing.
PRESS_HOST = terms(r"""
    techcrunch; theverge; wired; arstechnica; venturebeat; nytimes; ft; bbc; theguardian; economist; bloomberg
    reuters; cnbc; forbes; time; wsj; 404media; engadget; zdnet; theregister; heise; golem; the-decoder; fastcompany
    businessinsider; axios; tomshardware; theinformation; washingtonpost; cnn; apnews; politico; 9to5mac; 9to5google
    semafor; substack; medium; spiegel; zeit; faz; lemonde; elpais; youtube; youtu
""")

#: Words that say outright that something is made of AI.
AI_STRONG = terms(r"""
    ai; a\.i\.; ai-\w+; \w+-ai; agi; gpts?; llms?; vlms?; slms?; agentic\w*; copilots?; chatbots?; rag; genai
    generative; artificial intelligence; machine learning; language models?; foundation models?; world models?
    diffusion; neural; multimodal; text[- ]to[- ](?:speech|image|video|music|sql|3d); image generation; vibe[- ]cod\w+
    fine[- ]tun\w+; prompts?; mcp
    (?:build|run)(?:ning|ing)? (?:\w+ ){0,5}agents
    (?:coding|voice|browser|background|cloud|autonomous|multi|sub)[- ]?agents?; tts
    embeddings?; inference; pytorch; tensorflow; onnx; gguf; comfyui
    (?:speech|vision|image|video|audio|voice|local|reasoning|design|code) models?; ki; ki-\w+
    künstliche\w* intelligenz; sprachmodelle?; ia; intelligence artificielle
    inteligencia artificial; ии; нейросет\w*; 人工智能; 智能体; 大模型; 语言模型; 智能助手; 机器学习; 人工知能
    エージェント; 인공지능; 에이전트; 생성형
""")
#: Words that hint at AI and often mean something else, and what tools made of AI do.
AI_WEAK = terms(r"""
    agents?; assistants?; models?; smart; autonomous; automat\w+; skills?; bots?; 代理; 模型; 机器人; transcri\w+
    summar\w+; generat\w+; drafts?; turns? \S+(?: \S+){0,4}? into; by describing; natural language
    plain (?:english|words|language); answers?; understands?; recogni[sz]\w+; translat\w+; dictat\w+; voice; chats?
    asks?; writes?; rewrites?; predicts?; recommends?; captions?; narrat\w+
""")
#: Words that deny it, and those that deny it of the whole thing.
AI_DENIED = terms(r"(?:no|not|without|zero|free of) (?:any )?(?:ai|artificial intelligence|machine learning|llms?)")
AI_ABSENT = terms(r"""
    (?:there is|there['’]s|has|contains|uses|with) (?:absolutely )?(?:no|zero) (?:ai|llms?)
    (?:no|zero) ai (?:in it|inside|involved); (?:not|isn['’]t) (?:an )?ai(?: tool| app)?; ai-free
""")
#: Feeds and hosts that carry all kinds of things, where what does not speak of AI has nothing to do with it.
GENERAL_FEED = terms("hn; hacker ?news; reddit; lobsters; trending; product ?hunt; changelog")
#: "agentmemory", "promptscout": names that carry the word inside.
AI_INSIDE = re.compile(r"gpt|claude|\bagent|agent\b|prompt|copilot|\bllm|llm\b|llama|gemini")
#: "InspoAI", "AIwriter": capitals that tell "AI" from the end of a word.
AI_CAPITALS = re.compile(r"[a-z0-9]A[Ii]\b|\bAI[A-Z]?[a-z]+")


def host_in(host: str, hosts: Container[str]) -> str:
    """The entry of `hosts` that is this host or a domain above it, "" when none is."""
    labels = host.split(".")
    return next((name for n in range(len(labels)) if (name := ".".join(labels[n:])) in hosts), "")


@dataclass(frozen=True, slots=True)
class Clue:
    """One sign for or against a launch: where to look, what to look for, and what an editor is told.

    `weight` is added to the logit of the score when the pattern is found. In `why`, {0} is what was found. `tagline` is
    the share that counts when it stands only in what an announced tool does, after its name.
    """

    weight: float
    where: Where
    why: str
    pattern: re.Pattern[str]
    tagline: float = 0.2


#: Signs that something is now usable.
FOR = (
    Clue(3.6, "title", "title says “{0}”", terms(r"""
        hello,?(?! world); introducing; announcing; unveiling; presenting; launching; releasing; say hello to
        now available; now live; now in (?:preview|beta); just launched; released; new release; early access; new[:：]
        we(?:['’]re| are)? (?:just )?(?:launch|introduc|releas|announc|add|open[- ]sourc|roll|ship)\w*
        try our (?:new|latest)
        our (?:new|newest|latest|fastest) (?:\w+ ){0,4}(?:models?|apps?|agents?|tools?|api|editor|assistant)
        vorgestellt; wir stellen vor; présentation de; presentamos; 发布; 推出; 正式发布
    """, start=True)),
    Clue(3.4, "title", "title says “{0}”", re.compile(r"(?<=[:：–—-] )(?:introducing|announcing|meet)(?=\s)")),
    Clue(2.6, "title", "title says “{0}”", terms(
        r"meet(?! the (?:team|winners|people|founders|makers|speakers)); bringing; redesigning; upgrading; expanding; "
        r"connect; collaborate with; work with; put; your (?:\w+ ){1,2}can(?! (?:be|wait|also))", start=True)),
    Clue(3.2, "title", "title says “{0}”", terms(r"""
        (?:is|are|now) (?:generally )?available; generally available; (?:is|are) live; now live
        live (?:day[- ]zero )?on; goes live
        now in(?! (?:talks|court|doubt|question|the hands)); (?:is|are) here; (?:is|are) out; out now
        (?:has|have) arrived; now open; now on; can now; in (?:public|technical|open) (?:beta|preview); in early access
        now \w+ available; now (?:in )?ga
        enters (?:\w+ )?(?:beta|preview|general availability); (?:leaves|out of) (?:beta|preview)
        reaches (?:(?:version )?v?\d+\.\d+|ga|general availability); available to (?:all|everyone)
        opens (?:\S+ ){0,6}(?:up )?to (?:everyone|all|the public|developers|users|teams)
        jetzt verfügbar; ab sofort; est disponible; ya disponible; 现已; 正式发布; 上线; 发布; 推出; 公開; 출시
    """)),
    Clue(3.0, "title", "title says “{0}”", terms(r"""
        launch(?:es|ed)?; releas(?:es|ed); unveil(?:s|ed); introduc(?:es|ed); debut(?:s|ed); roll(?:s|ed|ing) out
        relaunch(?:es|ed); ships; open[- ]sourc(?:es|ed|ing); stellt \w+ vor; veröffentlicht; lance; lanza
        (?:is|are) (?:now )?(?:launching|releasing|introducing|unveiling|open[- ]sourcing|shipping)
    """)),
    Clue(2.4, "title", "title says “{0}”", terms(r"""
        add(?:s|ed); brings?; supports; gets; gains?; announces; comes to; coming to your; is coming to
        moving (?:in)?to; arrives; lets you; turns? your; just (?:got|turned); adds? support
        helps? (?:you|models|teams)
        (?:is|are) (?:now )?(?:bringing|adding|giving|getting|upgrading|expanding|opening|offering|connecting)
        is now; will now; updates (?:\w+ ){1,4}(?:to|with); expands (?:\S+ ){0,5}to; upgrades (?:its|the|\w+ with)
        now (?!used|based|owned|banned|sued)[a-z]+ed (?:for|on|in|by); now fast(?:er|est)
        day[- ](?:zero|0|one|1) support
        gives (?:\S+ ){1,5}(?:an?|the); drops (?:an?|its|the)(?: \S+){0,3} (?:models?|tool|app|agent); revamps
        overhauls
        (?:now|also) (?!costs|says|faces|owns|employs|seeks|plans|is|does|has (?:to|more|over|\d))[a-z][a-z-]+s
        now (?:have|support|work|run)
    """)),
    Clue(4.6, "title", "title says “{0}”", re.compile(
        r"^(?:advanc|improv|extend|enhanc|expand|upgrad|strengthen)ing (?:(?:\S+ ){1,4}with new |"
        r"(?:chatgpt|claude|codex|gemini|copilot|cursor|grok|perplexity|comet|bugbot)\b(?!['’]))")),
    Clue(2.6, "title", "title says “{0}”", re.compile(
        r"^(?!ai |this |that |it |the |why |how |what |[^,:]*\?)[^,:]{2,30} is an? (?:\S+ ){0,4}?"
        r"(?:framework|library|app|editor|gateway|runtime|cli|sdk)(?= (?:for|that|to|with|built)\b|$)")),
    Clue(2.6, "title", "title says “{0}”", re.compile(
        r"[(（](?:experimental|(?:public )?beta|preview|early access)[)）]$")),
    Clue(2.4, "title", "title says “{0}”", terms(
        "everything (?:we|new|announced); all the (?:news|announcements)", start=True)),
    Clue(2.2, "title", "title says “{0}”", terms(r"""
        new (?:\w+ ){0,4}(?:in|experience|features?|connectors|app|tool|mode|assistant|browser|api|chatbot|generator)
        new \w+ models; all[- ]new; new in; built-in; (?:newest|latest) (?:\S+ ){0,4}(?:models?|features?|tools?|app)
    """)),
    Clue(3.0, "title", "posted as “{0}”", terms("show hn; launch hn; launch yc", start=True)),
    Clue(1.8, "title", "it is open to use: “{0}”", terms(
        r"open[- ]source; open[- ]weights?; self[- ]hosted; apache 2\.0; 开源; 免费")),
    Clue(2.2, "start", "summary says “{0}”", terms(r"""
        ^introducing; you can now; now you can; a new (?:feature|model|tool|app|agent|way)
        (?:is|are) now (?:generally |publicly )?(?:available|live|open|in (?:\w+ )?(?:beta|preview))
        now in (?:\w+ )?(?:beta|preview); out of beta; now supports; from today
        now (?:also )?(?:integrates|connects|works|compatible|offers|includes|lets|runs|speaks) \w+
        (?<=[.!?] )introducing; starting today
        we (?:release|introduce)
        today,? (?:we(?:['’]re| are)|\S+ is) (?:\w+ to )?(?:introduc\w+|launch\w*|releas\w+|announc\w+|preview\w*)
        we(?:['’]re| are) (?:introducing|launching|releasing|previewing); released (?:today|this week)
        (?:has|have|just|is|are) (?:launched|released|open-sourced); (?:available|live|out) (?:from )?(?:now|today)
        ^[^.:]{2,40}: an? [^.:]{0,80}?(?:models?|tools?|apps?|agents?|platform|assistant)
    """)),
    Clue(1.0, "text", "summary says “{0}”", terms(r"""
        now available; we(?:['’]re| are) (?:excited|thrilled|launching|introducing|announcing|releasing); introducing
        announcing; try it; get started; today,? we; is now live; launch(?:es|ing)? today
        our (?:new )?(?:best|latest|most)
        \w+ is an? (?:\w+ ){0,3}(?:tool|app|platform|assistant|agent|workspace|model|framework)
    """)),
    Clue(2.0, "link", "the link is a change log", re.compile(
        r"/(?:changelog|release-notes|whats-new|releases/tag|product-updates)(?:/|$)")),
    Clue(0.6, "link", "the link names a launch: “{0}”", re.compile(
        r"(?:introducing|announcing|launch(?:es|ing)?|release[sd]?|now-available|public-beta)(?=-|$|/)")),
)  # fmt: skip

#: Signs that it is something else.
AGAINST = (
    Clue(-4.5, "title", "customer story: “{0}”", re.compile(
        r"^how (?!to\b)\S+(?: \S+){0,6}? (?:us(?:e[sd]?|ing)|buil[dt]s?|cuts?|scal\w+|reduc\w+|save[sd]?|gets?|got|"
        r"ship\w*|ma[dk]es?|help\w*|works?|wins?|turn\w*|adopt\w*|power\w*|automat\w+|achiev\w+|gr[eo]w\w*|boost\w*|improv\w+|"
        r"creat\w+|handle\w*|transform\w*|doubl\w+|tripl\w+|accelerat\w+|deliver\w*)\b")),
    Clue(-4.0, "title", "customer or partner story: “{0}”", terms(r"""
        chooses?; selects; scales; deploying; deploys; fuels; advances; powers; named; drives; transforms
        standardi[sz]es; empowers; accelerates \w+; customer story; case study; success story
        partners?(?: with| to|hip)?; partnering; partnerships
        (?!^collaborate )collaborat(?:e|es|ion|ing) (?:with|to(?! (?:release|launch))|on)
        join(?:s|ing)? forces; teams? up; applauds; recognized; ambassador; protects; ships \d+x; alliance
        what's possible; kundenstory; anwenderbericht
    """)),
    Clue(-4.0, "title", "a guide or lesson: “{0}”", terms(r"""
        how to; how and when; how we; how i; guide; playbook; tutorial; best practices; lessons; tips; examples
        explained; cookbook; walkthrough; cheat ?sheet; primer; when to; what we(?:'ve|’ve)? learned; taught (?:us|me)
        ebook; webinar; learning path; curated; from scratch; awesome list; part \d+; part one; step[- ]by[- ]step
        101; crash course; wie (?:man|du|wir|sie|die|der|eine?); so (?:geht|gelingt); anleitung; guía; comment (?!on)
        教程; 指南; 如何
    """), 1.0),
    Clue(-3.5, "title", "a report or opinion: “{0}”", terms(r"""
        why; what; what[’']s; when; where; who; how; is; are; do; does; did; can; should; stop; don[’']t; inside; i
        my; your(?! (?:\w+ ){1,2}can ); our(?! (?:new|newest|latest|fastest)); on
        we(?!['’]| launch| introduc| releas| announc| add)
        we[’']re(?! (?:launch|introduc|releas|announc|add|open|roll|ship)); against; forget; prepare; notes on
        thoughts on
        the (?:real|case|problem|future|state|other|end|rise|third)
        the (?:next(?! generation of)|hidden|secret); wie; warum; was; welche; wo; pourquoi
        por qué
    """, start=True)),
    Clue(-3.5, "title", "a report or opinion: “{0}”", re.compile(
        r"(?<=[:–—-] )(?:why|how|what|when|lessons|a look|an? (?:guide|report|update|conversation|analysis)|recap|"
        r"on \w+ing|(?:\d+|two|three|five|ten) "
        r"(?:rules|lessons|tips|trends|ways|examples|steps|strategies))(?= )"), 1.0),
    Clue(-2.5, "title", "a question", re.compile(r"\?(?:\s|$)|？")),
    Clue(-4.0, "title", "about plans, not something usable: “{0}”", terms(r"""
        will (?!let )(?:\w+ )?(?:be|support|get|soon|launch|bring|offer|add|come|become|ban|have|power|release|ship)
        upcoming; coming (?:soon|next|later|(?:in|this) (?:spring|summer|autumn|fall|winter|20\d\d)); join the wait\S*
        next (?:year|month|quarter|week); later this year; plans? to
        planning to; launch(?:es|ing)? (?:on )?(?:january|february|march|april|may|june|july|august|september) \d+
        launch(?:es|ing)? (?:on )?(?:october|november|december|(?:jan|feb|mar|apr|aug|sept?|oct|nov|dec)\.?) \d+
        (?<!collaborate )(?<!partner )to (?:launch|release|unveil|bring|power|offer)
        set to; preps; preparing; roadmap; rumou?rs?
        reportedly; teases?; is working on; wants to; waiting list; wait-?list; intends?; future of; demnächst
        kommt bald; plant
        bientôt; próximamente; 即将
    """)),
    Clue(-4.5, "title", "about money or people: “{0}”", terms(r"""
        rais(?:es|ed|ing); funding; series [a-f]; valuation; acquir(?:es|ed|ing); acquisition; buys; ipo
        invest(?:s|ed|ment|ors?); revenue; \$[\d.]+ ?(?:m|b|k|bn|million|billion)\+?; shares?; stock; appoint(?:s|ed)
        names; hires?; joins; (?<!ai )(?<!personal )c[ef]o; co-?founder; board; lay(?:s|ing)? off; laid off; layoffs
        jobs?; workers?
        employees; offices?; headquarters; chief [\w ]{1,30}officer; svp; vice president; donat(?:es|ing|ed); grants?
        fund; award; compute deal; gigawatts?; data centers?; profitable
    """), 0.5),
    Clue(-4.0, "title", "about law, politics or incidents: “{0}”", terms(r"""
        lawsuit; sues?; court; judge; trial; testif\w+; (?<!for )government; senate; congress; policy; policies
        statement
        regulat\w+; bans?; banned; legal action; charged; wrongful; resigns; military; war; department;
        antitrust; hack(?:s|ed|ing|ers?)?; stole; breach; vulnerabilit(?:y|ies); exploits?; attacks?; zero-days?
        cve-\S+; scams?; postmortem; incident; outage; threat; killed; safeguards; constitution
        supply chains?; certifications?; soc 2; iso \d+
    """)),
    Clue(-3.5, "title", "a benchmark or research: “{0}”", terms(r"""
        benchmarks?; \w*bench; evals?; evaluating; evaluation; measuring; research(?:ers)?; study; paper; survey
        technical report; reports?; leaderboard; arena; we compare; rethinking; understanding; towards?; analysis
        investigating; demystifying; quantifying; preprint; retrospective; recap; highlights?; year in review
        conversation with; interview; podcast; an? (?:new |novel )?(?:frontier|paradigm|approach|method) (?:for|to|of)
    architecture (?:and|of)
    (?:system|model) cards?; findings
    """)),
    Clue(-3.0, "title", "an activity, not a product: “{0}”", re.compile(
        r"(?:^|[:–—] )(?:(?:build|deploy|scal|us|mak|optimi[sz]|runn|train|design|accelerat|unlock|partner|protect|"
        r"detect|prepar|help|test|mitigat|welcom|unleash|shar|compar|reflect|improv|onboard|writ|creat|develop|orchestrat|"
        r"secur|strengthen|support|explor|find|teach|learn|speed|"
        r"supercharg|advanc|moderni[sz]|navigat|defin|increas|keep|clos|reimagin|reduc|enabl|bootstrapp|automat|debugg|"
        r"engineer|harden|empower|fine-tun|pretrain|experiment|reverse engineer|generat|migrat|tackl|tun|understand|"
        r"extend|bridg)ing|beyond|continually)(?= )"), 0.4),
    Clue(-4.0, "title", "something ends or changes price: “{0}”", terms(r"""
        deprecat\w+; retir(?:es|ed|ing|ement); sunset\w*; end of life; shut(?:s|ting)? down
        maintenance mode; end of support; winding down; cancel\w*; removed
        pricing; price (?:change|increase|cut)s?; \d+ ?% off; usage limits; rate limits?; restrictions; migrations?
        subscription changes; billing; usage metrics; audit logs?; release candidate; no longer; terms of service
    """)),
    Clue(-4.0, "title", "an event or programme: “{0}”", terms(r"""
        hackathon; conference; summit; keynote; meetup; winners; challenge; contest; prize; program(?:me)?; initiative
        institute; academy; course; campus; community; fellowship; demo day; sponsor\w*
    """)),
    Clue(-6.0, "title", "a patch release: “{0}”", terms(r"""
        fix(?:es|ed); bug ?fix(?:es)?; hotfix; patch(?:es)?; v?\d+\.\d+\.[1-9]\d*(?:[.-]\S+)?; security update
        maintenance release; v?\d\S*[-.](?:rc|alpha|beta|nightly|dev)[.-]?\d*; nightly
    """)),
    Clue(-2.5, "title", "talk rather than a launch: “{0}”", terms(r"""
        says?; said; warns?; admits?; claims that; explains?; debates?; opinion; hates?; fears?; fatigue;
        rally; boom; bubble; amid; fails?; quietly; nearly; almost; feeling; broken; wrong; hidden; truth
        story; myth; means; (?:is|does|wo|ca|are|did|should|would)n[’']?t; needs? to; taking; secret; impact
        still; internally; hard; trust; i['’]d; i wish; than i; manipulat\w+; anti-pattern; scandal; backlash
        critics; worse; worst; dead; death
    """)),
    Clue(-2.5, "start", "summary tells of a lesson: “{0}”", terms(
        r"^how (?:we|i|our|to); ^learn (?:how|what|why|about); "
        r"this (?:\S+ ){0,3}(?:course|tutorial|guide|webinar|episode|ebook|case study)")),
    Clue(-3.5, "link", "the link is a customer story or guide: “{0}”", re.compile(
        r"/(?:customers?|customer-stories|case-stud(?:y|ies)|stories|academy|guides?(?:-and-resources)?|learn|tutorials?|"
        r"events?|webinars?|podcasts?|signals|careers|policy|legal|research/team|help|support)(?=/|$)|/blog/how-|[-/]partnership(?=[-/]|$)|"
        r"//(?:support|help|docs)\.")),
    Clue(-2.5, "link", "the link is research or engineering: “{0}”", re.compile(
        r"arxiv\.org|//(?:red|research|alignment)\.|/(?:research|engineering|papers?|opinion|politics|commentary|writing|essays?|notes)(?=/.)|/abs/|"
        r"\.pdf$|[-/]papers?/?$|/(?:pull|issues|advisories)/")),
    Clue(-1.5, "link", "a newspaper's headline: “{0}”", re.compile(
        r"(?<=/)(?:www\.)?(?:nytimes|ft|bbc|theguardian|economist|bloomberg|404media|time|wsj|cnbc|forbes|tomshardware|"
        r"fastcompany|youtube|youtu|reuters|washingtonpost|cnn)\.")),
)  # fmt: skip

#: Titles that are only the name of a part of a product, as makers write them: "Scheduled tasks", "Agents for banks".
PART_TITLE = re.compile(
    r"(?!(?:introducing|announcing|how|why|what|your|our|my|the|an?|build|use|using|make|create|customize|\w+ing) )"
    r"(?:[a-z][\w-]*,? (?:and |& )?){0,3}"
    r"(?:agents|alerts|apps|artifacts|canvas|channels|cli|connectors|dashboards?|environments?|extensions|filters|folders|"
    r"hooks|integrations|library|memory|mobile|mode|notebooks|plugins|projects|sandboxes|sdk|skills|subagents|tasks|"
    r"templates|triggers|voices|webhooks|workflows|workspaces)"
    r"(?: (?:for|in|on|across|with)(?: (?!how|why|what)[\w-]+){1,5})?"
)
#: Titles that tell a reader to do something with a part of the maker's product: "Build agents with the Foo SDK".
DONE_WITH = re.compile(
    r"^(?!how )[a-z]+ (?:\S+ ){1,5}(?:with|from|in|using|through) (?:the |our )?(?:new )?(?:[\w-]+ ){0,2}"
    r"(?:sdk|api|cli|mcp server|app|desktop|plugins?|connectors?)$"
)

#: Objects that turn "launches X" into something that is no tool.
NO_TOOL = terms(r"""
    fund; initiative; program(?:me)?; office; survey; institute; partnership; alliance; company(?! \w); campaign
    challenge; data center; grants?; council; academy; course; lawsuit; investigation; report; policy; index; book
    ebook; joint venture; laptops?; leaderboard; chief(?! of staff); engineering(?! \w)
    foundation(?! model); scholarships?; residency; merch; movie; magazine
""")

#: The words of each category: what a tool does, strong signs first, then weak ones; in several languages.
CATEGORY_WORDS: dict[str, tuple[str, str]] = {
    "Developer Tools": (
        r"""developers?; code; coding; coder; codebases?; programming; vibe(?:[- ]cod\w+)?
        (?:development|dev) environments?; ides?; cli; sdk; repos?; repositor(?:y|ies); github; git; pull requests?
        prs?; pr review; debug\w*; code[- ]review; codex; claude code; cursor; windsurf; copilot; bugbot; jetbrains
        vs ?code; mcp; middleware; devops; ci/cd; unit tests?; llm observability;
        byok; local llm; rust; python; typescript; javascript; 代码; 编码; 编程; 开发者
        调试; entwickler\w*; programmier\w*; développeurs?; desarrollador\w*""",
        r"""apis?; terminal; framework; open[- ]source; tokens?; prompts?; server; library; test\w*; deploy\w*; bugs?
        frontend; backend; plugin; skills?; schemas?; 服务器; 框架; 开源""",
    ),
    "Models": (
        r"""\d+(?:\.\d+)?b; moe; open[- ]weights?; world model
        (?:language|foundation|embedding|reasoning|vision|small|robotics|speech) model; (?:open|frontier|code) models?
        embeddings; checkpoints?; parameters; apache 2\.0; sota; state-of-the-art; guardrail; context length
        sprachmodell; modèle; modelo""",
        r"""models?; weights; distill\w*; 大模型; 模型; multilingual; flash; pretrain\w*; fine[- ]tun\w+""",
    ),
    "Agents": (
        r"""agents?; agentic; autonomous; co[- ]?worker; multi-agent; subagents?; computer use; browser automation
        digital worker; ai employee; delegate; 代理; 智能体; 同事; agenten; agentes?; エージェント; 에이전트""",
        r"""workflows?; automat\w+; orchestrat\w+; tasks?; assistant; 自动; 自主""",
    ),
    "Image & Video": (
        r"""images?; videos?; photos?; films?; filmmak\w+; cinema\w*; avatars?; animations?; wallpapers?; thumbnails?
        text-to-(?:video|image); art; footage; video edit\w+; 视频; 图片; 图像; 电影; 照片; 视觉效果; bilder; vidéos?
        imágenes
        動画; 画像""",
        r"""3d; creative; visuals?; camera; render\w*; reels?; shorts; deepfakes?""",
    ),
    "Audio & Voice": (
        r"""voices?; audio; speech; music; podcasts?; tts; text-to-speech; transcri\w+; dictat\w+; songs?; sound; calls
        phone agents?; speak\w*; radio; 语音; 音频; 音乐; 录音; stimme; sprache; voix; voz; 음성; 音声""",
        r"""meetings?; recordings?; phone; hear; listen\w*""",
    ),
    "Writing & Docs": (
        r"""writ(?:e|er|ing); copywriting; documents?; docs; grammar; blog posts?; essays?; proofread\w*
        content creation
        articles?; press\w*; newsletters?; journalis\w+; rewrite; translat\w+; 写作; 文档; 文章; 内容创作; 翻译
        schreiben; übersetz\w*; rédaction; escritura""",
        r"""text; editor; drafts?; summar\w+; pdfs?; content; notes""",
    ),
    "Productivity": (
        r"""meetings?; meeting notes; minutes; calendar; emails?; inbox; to-?do; tasks?; notes; spreadsheets?; sheets
        excel; slides; powerpoint; forms?; jotform; schedul\w+; workspace; project management; plans; planning
        productivity; assistant; teams?; small business; legal; lawyers?; finance; financial; accounting
        personal finance; bank accounts?; ideas; resume; cv; linkedin; desktop; smartphone; phone; keyboard
        everyday; 简历; 求职; 领英; 日程; 会议; 表单; 表格; 助手; 工作; 提醒; 待办
        笔记; 文件; 离线; assistent; réunions?""",
        r"""organi[sz]e\w*; work; memory; mac; mobile; habits?; reminders?; personal; daily; life; knowledge; apps?
        管理
        生活; 记忆; 知识""",
    ),
    "Data & Analytics": (
        r"""analytics; data (?:analysis|analyst|science|extraction); databases?; sql; dashboards?; charts?; bi; metrics
        datasets?; backtests?; portfolio; stocks?; etfs?; scrap\w+; insights; 数据; 分析; 报表; 仪表盘; 抓取; daten\w*
        données; datos; 데이터""",
        r"""data; reports?; reporting; tracking; usage; forecast\w*""",
    ),
    "Search & Research": (
        r"""search; research; seo; geo; aeo; answer engine; literature; papers; citations?; sources
        find (?:\w+ )?(?:people|developers); discovery; news aggregator; aggregator; 搜索; 检索; 研究; suche
        recherche; búsqueda; 検索; 검색""",
        r"""find; discover; rank\w*; browse; knowledge base; wiki; browser""",
    ),
    "Design": (
        r"""designs?; designers?; ui; ux; figma; logos?; branding; colou?rs?; palettes?; mockups?; mood ?boards?
        landing pages?; website builder; wireframes?; interiors?; typography; templates; fonts?; prototyp\w*; 设计
        界面; 像素; gestaltung; diseño; デザイン; 디자인""",
        r"""website; pixels?; brand; style; inspiration; canvas""",
    ),
    "Infrastructure": (
        r"""infrastructure; infra; gateway; inference; gpus?; hosting; serverless; kubernetes
        vector (?:databases?|search); ipaas; on (?:aws|azure|bedrock); cloud platform; latency; throughput; caching
        sandboxes; model serving; deployments?; observability; antivirus; 杀毒; 基础设施; 部署
        infrastruktur""",
        r"""cloud; platform; runtime; storage; scal\w+; security; router; proxy; servers?; integrations?; 安全""",
    ),
    "Other": (
        r"""health\w*; diabetes; medical; sleep\w*; recipes?; cooking; fridge; fitness; games?; gaming; travel; dating
        education; kids; pets?; fashion; shopping; e-?commerce; marketing; sales; leads; advertis\w+; ads
        influencers?; recruit\w*; hiring; hr; jobs?; employees?; real estate; insurance; wearable; hardware; robots?
        deepfake detection; social network; 游戏; 助眠; 睡; 营销; 健康; 医疗; 员工; 招聘; 运营; 社交; 穿戴; 教育
        旅行; 购物; 电商; gesundheit; santé; salud""",
        r"""business; customers?; companion; community; brand; clients?; shop; store; 企业""",
    ),
}
