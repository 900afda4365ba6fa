"""Everything the first release keeps."""

import sqlalchemy as sa
from alembic import op

from digest.database import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table."""
    op.create_table(
        "changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("said", sa.Text(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=True),
        sa.Column("images", sa.JSON(), nullable=False),
        sa.CheckConstraint("kind IN ('change', 'undo', 'redo')", name="change_kind"),
        sa.ForeignKeyConstraint(
            ["undoes"],
            ["changes.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("undoes"),
    )
    op.create_index(op.f("ix_changes_week"), "changes", ["week"], unique=False)
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("wording_version", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_consents_subscriber_id"), "consents", ["subscriber_id"], unique=False)
    op.create_table(
        "deliveries",
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("batch", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IS NULL OR state IN ('accepted', 'refused', 'dropped', 'unknown', 'given_up')", name="delivery_state"
        ),
        sa.PrimaryKeyConstraint("week", "subscriber_id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "deliveries_apart",
        "deliveries",
        ["week", "state", "batch"],
        unique=False,
        sqlite_where=sa.text("state IS NOT NULL"),
        postgresql_where=sa.text("state IS NOT NULL"),
    )
    op.create_index("deliveries_batch", "deliveries", ["week", "batch", "subscriber_id", "state"], unique=False)
    op.create_table(
        "earlier_calls",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "week", "number"),
    )
    op.create_index("earlier_calls_batch", "earlier_calls", ["week", "number"], unique=False)
    op.create_table(
        "editions",
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("held", sa.Text(), nullable=True),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("edited", sa.Boolean(), nullable=False),
        sa.Column("edited_by", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("made_with", sa.JSON(), nullable=False),
        sa.Column("approved_by", sa.String(), nullable=False),
        sa.Column("approved_at", UtcDateTime(), nullable=True),
        sa.Column("planned_at", UtcDateTime(), nullable=True),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("state <> 'skipped' OR reason <> ''", name="edition_skip_reason"),
        sa.CheckConstraint("state IN ('draft', 'approved', 'sending', 'sent', 'skipped')", name="edition_state"),
        sa.CheckConstraint("state IN ('draft', 'skipped') OR sha256 <> ''", name="edition_frozen"),
        sa.PrimaryKeyConstraint("week"),
    )
    op.create_index("editions_public", "editions", ["state", "week", "sha256"], unique=False)
    op.create_table(
        "email_templates",
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
    )
    op.create_table(
        "entries",
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=False),
        sa.Column("published", UtcDateTime(), nullable=True),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("muted", sa.Boolean(), nullable=False),
        sa.Column("spotted_at", UtcDateTime(), nullable=True),
        sa.Column("link_key", sa.String(), nullable=False),
        sa.Column("title_key", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("feed", "id"),
    )
    op.create_index("entries_by_first_seen", "entries", ["first_seen"], unique=False)
    op.create_index("entries_by_link", "entries", ["feed", "link_key"], unique=False)
    op.create_index("entries_by_title", "entries", ["feed", "title_key"], unique=False)
    op.create_index("entries_to_spot", "entries", ["spotted_at", "muted"], unique=False)
    op.create_table(
        "event_posts",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("applied_at", UtcDateTime(), nullable=True),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("strays", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_event_posts_applied_at"), "event_posts", ["applied_at"], unique=False)
    op.create_table(
        "events",
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("week", "subscriber_id", "kind", "about"),
    )
    op.create_index(
        "events_clicks",
        "events",
        ["week", "subscriber_id", "at", "about"],
        unique=False,
        sqlite_where=sa.text("kind = 'click'"),
        postgresql_where=sa.text("kind = 'click'"),
    )
    op.create_index("events_reader", "events", ["subscriber_id", "kind"], unique=False)
    op.create_table(
        "feeds",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("etag", sa.String(), nullable=False),
        sa.Column("last_modified", sa.String(), nullable=False),
        sa.Column("hint_s", sa.Integer(), nullable=True),
        sa.Column("next_poll_at", UtcDateTime(), nullable=True),
        sa.Column("last_try_at", UtcDateTime(), nullable=True),
        sa.Column("last_success_at", UtcDateTime(), nullable=True),
        sa.Column("first_polled_at", UtcDateTime(), nullable=True),
        sa.Column("error_streak", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("moved_url", sa.String(), nullable=False),
        sa.Column("moved_target", sa.String(), nullable=False),
        sa.Column("moved_count", sa.Integer(), nullable=False),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "limits",
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("what"),
    )
    op.create_index(op.f("ix_limits_since"), "limits", ["since"], unique=False)
    op.create_table(
        "notices",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("once", sa.String(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("queued_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('queued', 'claimed', 'accepted', 'refused', 'unknown', 'dropped')", name="notice_state"
        ),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("key"),
        sa.UniqueConstraint("once"),
    )
    op.create_index(op.f("ix_notices_subscriber_id"), "notices", ["subscriber_id"], unique=False)
    op.create_index("notices_waiting", "notices", ["state", "due_at"], unique=False)
    op.create_table(
        "pace",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("name IN ('hour', 'day', 'pause')", name="pace_name"),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "pair_words",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("a", sa.String(), nullable=False),
        sa.Column("b", sa.String(), nullable=False),
        sa.CheckConstraint("word IN ('pin', 'veto', 'free')", name="pair_word"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_pair_words_week"), "pair_words", ["week"], unique=False)
    op.create_table(
        "subscribers",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("paused_until", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=True),
        sa.Column("confirmed_at", UtcDateTime(), nullable=True),
        sa.Column("moving_to", sa.String(), nullable=False),
        sa.CheckConstraint("state IN ('unconfirmed', 'confirmed', 'unsubscribed')", name="subscriber_state"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("address_hash"),
        sa.UniqueConstraint("folded"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "suppressions",
        sa.Column("address_hash", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("soft", sa.Boolean(), nullable=False),
        sa.CheckConstraint("why IN ('hard bounce', 'complaint', 'request', 'erasure')", name="suppression_why"),
        sa.PrimaryKeyConstraint("address_hash"),
    )
    op.create_table(
        "tallies",
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("week", "kind"),
    )
    op.create_table(
        "tools",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("vendor", sa.String(), nullable=False),
        sa.Column("tagline", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("entry_price", sa.String(), nullable=False),
        sa.Column("price_checked_on", sa.Date(), nullable=True),
        sa.Column("open_source", sa.Boolean(), nullable=True),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("category_set", sa.Boolean(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("slug"),
    )
    op.create_table(
        "votes",
        sa.Column("tool", sa.String(), nullable=False),
        sa.Column("subscriber_id", sa.String(), nullable=False),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("call IN ('ship', 'skip')", name="vote_call"),
        sa.PrimaryKeyConstraint("tool", "subscriber_id"),
    )
    op.create_index(op.f("ix_votes_subscriber_id"), "votes", ["subscriber_id"], unique=False)
    op.create_table(
        "batches",
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("planned_at", UtcDateTime(), nullable=False),
        sa.Column("due_at", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=True),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=True),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('planned', 'claimed', 'accepted', 'refused', 'unknown', 'given_up')", name="batch_state"
        ),
        sa.ForeignKeyConstraint(
            ["week"],
            ["editions.week"],
        ),
        sa.PrimaryKeyConstraint("week", "number"),
        sa.UniqueConstraint("key"),
    )
    op.create_index("batches_state", "batches", ["week", "state"], unique=False)
    op.create_table(
        "launches",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("tool_slug", sa.String(), nullable=False),
        sa.Column("tool_name", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("announced_at", UtcDateTime(), nullable=False),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("tagline", sa.Text(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("entry_price", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("rejected", sa.Boolean(), nullable=False),
        sa.Column("merged_into", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["merged_into"],
            ["launches.id"],
        ),
        sa.ForeignKeyConstraint(
            ["tool_slug"],
            ["tools.slug"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_launches_tool_slug"), "launches", ["tool_slug"], unique=False)
    op.create_index(
        "launches_merged",
        "launches",
        ["merged_into"],
        unique=False,
        sqlite_where=sa.text("merged_into IS NOT NULL"),
        postgresql_where=sa.text("merged_into IS NOT NULL"),
    )
    op.create_index(
        "launches_of_week",
        "launches",
        ["first_seen", "merged_into", "rejected", "tool_slug", "score", "announced_at", "id"],
        unique=False,
    )
    op.create_table(
        "matchups",
        sa.Column("week", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("a", sa.String(), nullable=False),
        sa.Column("b", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["week"],
            ["editions.week"],
        ),
        sa.PrimaryKeyConstraint("week", "position"),
    )
    op.create_index("matchups_pair", "matchups", ["a", "b"], unique=False)
    op.create_table(
        "reviews",
        sa.Column("tool", sa.String(), nullable=False),
        sa.Column("reviewer", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("call", sa.String(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("reviewed_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("call IN ('ship', 'skip')", name="review_call"),
        sa.ForeignKeyConstraint(
            ["tool"],
            ["tools.slug"],
        ),
        sa.PrimaryKeyConstraint("tool", "reviewer", "version"),
    )
    op.create_index(op.f("ix_reviews_recorded_at"), "reviews", ["recorded_at"], unique=False)
    op.create_table(
        "tool_aliases",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("tool_slug", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tool_slug"],
            ["tools.slug"],
        ),
        sa.PrimaryKeyConstraint("slug"),
    )
    op.create_index(op.f("ix_tool_aliases_tool_slug"), "tool_aliases", ["tool_slug"], unique=False)
    op.create_table(
        "decisions",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("launch_id", sa.String(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["launch_id"],
            ["launches.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index(op.f("ix_decisions_launch_id"), "decisions", ["launch_id"], unique=False)
    op.create_table(
        "launch_entries",
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("entry_id", sa.String(), nullable=False),
        sa.Column("launch_id", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["launch_id"],
            ["launches.id"],
        ),
        sa.PrimaryKeyConstraint("feed", "entry_id", "launch_id"),
    )
    op.create_index("launch_entries_feeds", "launch_entries", ["launch_id", "feed"], unique=False)
    guard_editions()


#: Where an edition's state may go; every other move is refused, whoever asks. Source: DESIGN, "Edition".
MOVES = (
    "draft>approved draft>skipped approved>draft approved>sending approved>skipped sending>approved sending>sent"
    " skipped>draft"
)

#: Approved bytes and what they were made from stay as they are.
SEALED = ("week", "content", "subject", "html", "text", "sha256", "made_with", "approved_by", "approved_at")


def guard_editions() -> None:
    """Let the database itself refuse what no part of the program may do to an edition."""
    moves = ", ".join(f"'{move}'" for move in MOVES.split())
    moved = f"OLD.state <> NEW.state AND OLD.state || '>' || NEW.state NOT IN ({moves})"
    changed = " OR ".join(f"CAST(OLD.{name} AS TEXT) <> CAST(NEW.{name} AS TEXT)" for name in SEALED)
    kept = "('approved', 'sending', 'sent')"
    broken = f"OLD.state IN {kept} AND NEW.state IN {kept} AND ({changed})"
    for name, when, said in (
        ("editions_move", moved, "an edition cannot go there from its state"),
        ("editions_seal", broken, "what was approved cannot be changed"),
    ):
        if op.get_context().dialect.name == "postgresql":
            op.execute(
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE EXCEPTION '{said}' USING ERRCODE = 'check_violation'; END $$"
            )
            op.execute(
                f"CREATE TRIGGER {name} BEFORE UPDATE ON editions FOR EACH ROW WHEN ({when}) EXECUTE FUNCTION {name}()"
            )
        else:
            op.execute(
                f"CREATE TRIGGER {name} BEFORE UPDATE ON editions FOR EACH ROW WHEN {when}"
                f" BEGIN SELECT RAISE(ABORT, '{said}'); END"
            )
