"""trust callers and keep history."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "2026112407"
down_revision: str | None = "2026112406"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "actor",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("year", sa.Integer(), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_entry")),
    )
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_audit_entry_agency_year_seq"), ["agency", "year", "seq"], unique=False
        )

    op.create_table(
        "published_report_revision",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("reason", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("etag", sa.String(length=48), autoincrement=False, nullable=True),
        sa.Column("body", sa.LargeBinary(), autoincrement=False, nullable=True),
        sa.PrimaryKeyConstraint(
            "agency", "year", "revision", name=op.f("pk_published_report_revision")
        ),
    )
    op.create_table(
        "report_revision",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("etag", sa.String(length=48), nullable=True),
        sa.Column("body", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("agency", "year", "revision", name=op.f("pk_report_revision")),
    )
    op.create_table(
        "report_transition",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.Column("action", sa.String(length=16), nullable=False),
        sa.Column("before", sa.String(length=10), nullable=False),
        sa.Column("after", sa.String(length=10), nullable=False),
        sa.Column("comment", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("agency", "year", "position", name=op.f("pk_report_transition")),
    )
    op.create_table(
        "api_key",
        sa.Column(
            "id",
            sa.String(length=36).with_variant(sa.String(length=36, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "name",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("role", sa.String(length=8), nullable=False),
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("rate_limit", sa.Integer(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "created_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "expires_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "revoked_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column(
            "last_used_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.ForeignKeyConstraint(["agency"], ["agency.code"], name=op.f("fk_api_key_agency")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_key_digest")),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_key_agency"), ["agency"], unique=False)

    op.create_table(
        "finding_decision",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column(
            "finding",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("decision", sa.String(length=12), nullable=False),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.Column("basis", sa.String(length=64), nullable=False),
        sa.Column(
            "at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("actor", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_finding_decision_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", "finding", name=op.f("pk_finding_decision")),
    )
    op.create_table(
        "published_report",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("agency_name_reported", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("overview", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("problems", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("other_matters", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("submitted_on", sa.String(length=10), autoincrement=False, nullable=True),
        sa.Column("published_on", sa.String(length=10), autoincrement=False, nullable=True),
        sa.Column("published_url", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "created_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("state", sa.String(length=10), autoincrement=False, nullable=False),
        sa.Column("correction", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_published_report_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_published_report")),
    )
    with op.batch_alter_table("published_report", schema=None) as batch_op:
        batch_op.create_index(
            "published_ix_report_year",
            ["year"],
            unique=False,
            sqlite_where=None,
            postgresql_where=None,
        )

    op.create_table(
        "published_derived_document",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("etag", sa.String(length=48), autoincrement=False, nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("errors", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("warnings", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("infos", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("rule_set", sa.String(length=16), autoincrement=False, nullable=False),
        sa.Column("summary", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(length=64), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["published_report.agency", "published_report.year"],
            name=op.f("fk_published_derived_document_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_published_derived_document")),
    )
    with op.batch_alter_table("published_derived_document", schema=None) as batch_op:
        batch_op.create_index(
            "published_ix_derived_document_year",
            ["year", "agency", "digest"],
            unique=False,
            sqlite_where=None,
            postgresql_where=None,
        )

    op.create_table(
        "published_derived_finding",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "rule",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.String(length=8).with_variant(sa.String(length=8, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("body", sa.LargeBinary(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["published_report.agency", "published_report.year"],
            name=op.f("fk_published_derived_finding_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "agency", "year", "position", name=op.f("pk_published_derived_finding")
        ),
    )
    with op.batch_alter_table("published_derived_finding", schema=None) as batch_op:
        batch_op.create_index(
            "published_ix_derived_finding_rule_year_agency",
            ["rule", "year", "agency"],
            unique=False,
            sqlite_where=None,
            postgresql_where=None,
        )
        batch_op.create_index(
            "published_ix_derived_finding_severity_year_agency",
            ["severity", "year", "agency"],
            unique=False,
            sqlite_where=None,
            postgresql_where=None,
        )
        batch_op.create_index(
            "published_ix_derived_finding_year_agency",
            ["year", "agency"],
            unique=False,
            sqlite_where=None,
            postgresql_where=None,
        )

    op.create_table(
        "published_filing_disputes",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nil", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("not_applicable", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("remarks", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("reconsideration__upheld", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "reconsideration__corrected", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "reconsideration__other_result", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("reconsideration__pending", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("reconsideration__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("litigation_direct__upheld", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "litigation_direct__corrected", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "litigation_direct__other_result", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "litigation_direct__pending", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("litigation_direct__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "litigation_after_reconsideration__upheld",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "litigation_after_reconsideration__corrected",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "litigation_after_reconsideration__other_result",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "litigation_after_reconsideration__pending",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "litigation_after_reconsideration__total",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["published_report.agency", "published_report.year"],
            name=op.f("fk_published_filing_disputes_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_published_filing_disputes")),
    )
    with op.batch_alter_table("published_filing_disputes", schema=None) as batch_op:
        batch_op.create_index(
            "published_figures_2019_to_2020_disputes",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0"
            ),
        )
        batch_op.create_index(
            "published_figures_from_2021_disputes",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0"
            ),
        )

    op.create_table(
        "published_filing_documents",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nil", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("not_applicable", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("remarks", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("rules__made", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("rules__published", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("rules__public_total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("normative_documents__made", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "normative_documents__published", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "normative_documents__public_total", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("rules__issued", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("rules__repealed", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("rules__in_force", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "normative_documents__issued", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "normative_documents__repealed", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "normative_documents__in_force", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["published_report.agency", "published_report.year"],
            name=op.f("fk_published_filing_documents_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_published_filing_documents")),
    )
    with op.batch_alter_table("published_filing_documents", schema=None) as batch_op:
        batch_op.create_index(
            "published_figures_2019_to_2020_documents",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(rules__made|rules__published|rules__public_total|normative_documents__made|normative_documents__published|normative_documents__public_total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(rules__made|rules__published|rules__public_total|normative_documents__made|normative_documents__published|normative_documents__public_total, 1) <> 0"
            ),
        )
        batch_op.create_index(
            "published_figures_from_2021_documents",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(rules__issued|rules__repealed|rules__in_force|normative_documents__issued|normative_documents__repealed|normative_documents__in_force, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(rules__issued|rules__repealed|rules__in_force|normative_documents__issued|normative_documents__repealed|normative_documents__in_force, 1) <> 0"
            ),
        )

    op.create_table(
        "published_filing_enforcement",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nil", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("not_applicable", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("remarks", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column(
            "penalties__items_last_year", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("penalties__items_change", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("penalties__decisions", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "compulsion__items_last_year", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("compulsion__items_change", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("compulsion__decisions", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["published_report.agency", "published_report.year"],
            name=op.f("fk_published_filing_enforcement_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_published_filing_enforcement")),
    )
    with op.batch_alter_table("published_filing_enforcement", schema=None) as batch_op:
        batch_op.create_index(
            "published_figures_2019_to_2020_enforcement",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(penalties__items_last_year|penalties__items_change|penalties__decisions|compulsion__items_last_year|compulsion__items_change|compulsion__decisions, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(penalties__items_last_year|penalties__items_change|penalties__decisions|compulsion__items_last_year|compulsion__items_change|compulsion__decisions, 1) <> 0"
            ),
        )
        batch_op.create_index(
            "published_figures_from_2021_enforcement",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(penalties__decisions|compulsion__decisions, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(penalties__decisions|compulsion__decisions, 1) <> 0"
            ),
        )

    op.create_table(
        "published_filing_fees",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nil", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("not_applicable", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("remarks", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("charges__items_last_year", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("charges__items_change", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("charges__amount", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["published_report.agency", "published_report.year"],
            name=op.f("fk_published_filing_fees_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_published_filing_fees")),
    )
    with op.batch_alter_table("published_filing_fees", schema=None) as batch_op:
        batch_op.create_index(
            "published_figures_2019_to_2020_fees",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(charges__items_last_year|charges__items_change, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(charges__items_last_year|charges__items_change, 1) <> 0"
            ),
        )
        batch_op.create_index(
            "published_figures_from_2021_fees",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text("year >= 2021 AND NOT nil AND coalesce(charges__amount, 1) <> 0"),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(charges__amount, 1) <> 0"
            ),
        )

    op.create_table(
        "published_filing_licensing",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nil", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("not_applicable", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("remarks", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("licences__items_last_year", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("licences__items_change", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("licences__decisions", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "other_services__items_last_year", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_services__items_change", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("other_services__decisions", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["published_report.agency", "published_report.year"],
            name=op.f("fk_published_filing_licensing_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_published_filing_licensing")),
    )
    with op.batch_alter_table("published_filing_licensing", schema=None) as batch_op:
        batch_op.create_index(
            "published_figures_2019_to_2020_licensing",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(licences__items_last_year|licences__items_change|licences__decisions|other_services__items_last_year|other_services__items_change|other_services__decisions, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(licences__items_last_year|licences__items_change|licences__decisions|other_services__items_last_year|other_services__items_change|other_services__decisions, 1) <> 0"
            ),
        )
        batch_op.create_index(
            "published_figures_from_2021_licensing",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(licences__decisions, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(licences__decisions, 1) <> 0"
            ),
        )

    op.create_table(
        "published_filing_procurement",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nil", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("not_applicable", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("remarks", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("amount_unit", sa.String(length=16), autoincrement=False, nullable=True),
        sa.Column("centralized__items", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("centralized__amount", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["published_report.agency", "published_report.year"],
            name=op.f("fk_published_filing_procurement_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_published_filing_procurement")),
    )
    with op.batch_alter_table("published_filing_procurement", schema=None) as batch_op:
        batch_op.create_index(
            "published_figures_2019_to_2020_procurement",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(centralized__items|centralized__amount, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(centralized__items|centralized__amount, 1) <> 0"
            ),
        )

    op.create_table(
        "published_filing_requests",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("nil", sa.Boolean(), autoincrement=False, nullable=False),
        sa.Column("not_applicable", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("remarks", sa.Text(), autoincrement=False, nullable=True),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("received__natural_person", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("received__commercial", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("received__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("received__public_interest", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("received__legal_service", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "received__other_organization", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("received__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "carried_in__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("carried_in__commercial", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("carried_in__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "carried_in__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("carried_in__legal_service", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "carried_in__other_organization", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("carried_in__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("granted__natural_person", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("granted__commercial", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("granted__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("granted__public_interest", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("granted__legal_service", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "granted__other_organization", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("granted__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "partly_granted__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "partly_granted__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("partly_granted__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "partly_granted__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "partly_granted__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "partly_granted__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("partly_granted__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "refused_state_secret__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_state_secret__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_state_secret__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_state_secret__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_state_secret__legal_service",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_state_secret__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_state_secret__total", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_by_law__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_by_law__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("refused_by_law__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "refused_by_law__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_by_law__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_by_law__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("refused_by_law__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "refused_security__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_security__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_security__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_security__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_security__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_security__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("refused_security__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "refused_third_party__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_third_party__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_third_party__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_third_party__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_third_party__legal_service",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_third_party__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_third_party__total", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_internal__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_internal__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_internal__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_internal__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_internal__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_internal__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("refused_internal__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "refused_process__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_process__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("refused_process__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "refused_process__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_process__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_process__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("refused_process__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "refused_enforcement_file__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_enforcement_file__commercial",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_enforcement_file__research",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_enforcement_file__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_enforcement_file__legal_service",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_enforcement_file__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "refused_enforcement_file__total", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_query__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("refused_query__commercial", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("refused_query__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "refused_query__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_query__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "refused_query__other_organization", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("refused_query__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "unavailable_not_held__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_not_held__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "unavailable_not_held__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "unavailable_not_held__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_not_held__legal_service",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_not_held__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_not_held__total", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "unavailable_not_made__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_not_made__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "unavailable_not_made__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "unavailable_not_made__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_not_made__legal_service",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_not_made__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_not_made__total", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "unavailable_unclear__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_unclear__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "unavailable_unclear__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "unavailable_unclear__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_unclear__legal_service",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_unclear__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "unavailable_unclear__total", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_petition__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_petition__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_petition__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_petition__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "declined_petition__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_petition__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("declined_petition__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "declined_repeat__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_repeat__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("declined_repeat__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "declined_repeat__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_repeat__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_repeat__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("declined_repeat__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "declined_publication__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "declined_publication__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_publication__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_publication__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "declined_publication__legal_service",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "declined_publication__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "declined_publication__total", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_excessive__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "declined_excessive__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_excessive__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_excessive__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "declined_excessive__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_excessive__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("declined_excessive__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "declined_reconfirm__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "declined_reconfirm__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_reconfirm__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_reconfirm__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "declined_reconfirm__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "declined_reconfirm__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("declined_reconfirm__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "other_handling__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_handling__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("other_handling__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "other_handling__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_handling__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_handling__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("other_handling__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("handled__natural_person", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("handled__commercial", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("handled__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("handled__public_interest", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("handled__legal_service", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "handled__other_organization", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("handled__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "carried_out__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("carried_out__commercial", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("carried_out__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "carried_out__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "carried_out__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "carried_out__other_organization", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("carried_out__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "other_not_corrected__natural_person",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "other_not_corrected__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_not_corrected__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_not_corrected__public_interest",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "other_not_corrected__legal_service",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "other_not_corrected__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column(
            "other_not_corrected__total", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_fee_unpaid__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_fee_unpaid__commercial", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_fee_unpaid__research", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_fee_unpaid__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_fee_unpaid__legal_service", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column(
            "other_fee_unpaid__other_organization",
            sa.BigInteger(),
            autoincrement=False,
            nullable=True,
        ),
        sa.Column("other_fee_unpaid__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "other_misc__natural_person", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("other_misc__commercial", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column("other_misc__research", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "other_misc__public_interest", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("other_misc__legal_service", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.Column(
            "other_misc__other_organization", sa.BigInteger(), autoincrement=False, nullable=True
        ),
        sa.Column("other_misc__total", sa.BigInteger(), autoincrement=False, nullable=True),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["published_report.agency", "published_report.year"],
            name=op.f("fk_published_filing_requests_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_published_filing_requests")),
    )
    with op.batch_alter_table("published_filing_requests", schema=None) as batch_op:
        batch_op.create_index(
            "published_figures_2019_to_2020_requests",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_handling__natural_person|other_handling__commercial|other_handling__research|other_handling__public_interest|other_handling__legal_service|other_handling__other_organization|other_handling__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_handling__natural_person|other_handling__commercial|other_handling__research|other_handling__public_interest|other_handling__legal_service|other_handling__other_organization|other_handling__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0"
            ),
        )
        batch_op.create_index(
            "published_figures_from_2021_requests",
            ["year", "agency"],
            unique=False,
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_not_corrected__natural_person|other_not_corrected__commercial|other_not_corrected__research|other_not_corrected__public_interest|other_not_corrected__legal_service|other_not_corrected__other_organization|other_not_corrected__total|other_fee_unpaid__natural_person|other_fee_unpaid__commercial|other_fee_unpaid__research|other_fee_unpaid__public_interest|other_fee_unpaid__legal_service|other_fee_unpaid__other_organization|other_fee_unpaid__total|other_misc__natural_person|other_misc__commercial|other_misc__research|other_misc__public_interest|other_misc__legal_service|other_misc__other_organization|other_misc__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_not_corrected__natural_person|other_not_corrected__commercial|other_not_corrected__research|other_not_corrected__public_interest|other_not_corrected__legal_service|other_not_corrected__other_organization|other_not_corrected__total|other_fee_unpaid__natural_person|other_fee_unpaid__commercial|other_fee_unpaid__research|other_fee_unpaid__public_interest|other_fee_unpaid__legal_service|other_fee_unpaid__other_organization|other_fee_unpaid__total|other_misc__natural_person|other_misc__commercial|other_misc__research|other_misc__public_interest|other_misc__legal_service|other_misc__other_organization|other_misc__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0"
            ),
        )

    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.add_column(sa.Column("actor", sa.Text(), nullable=True))
        batch_op.add_column(
            sa.Column(
                "only",
                sa.String(length=32).with_variant(
                    sa.String(length=32, collation="C"), "postgresql"
                ),
                nullable=True,
            )
        )
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.add_column(sa.Column("layer", sa.String(length=10), nullable=True))

    with op.batch_alter_table("clock", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("audited", sa.BigInteger(), server_default="0", nullable=False)
        )
        batch_op.add_column(
            sa.Column("audit_head", sa.String(length=64), server_default="", nullable=False)
        )
        batch_op.add_column(
            sa.Column("audit_anchor", sa.String(length=64), server_default="", nullable=False)
        )

    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column("state", sa.String(length=10), server_default="draft", nullable=False)
        )
        batch_op.add_column(sa.Column("correction", sa.Text(), nullable=True))
    document = "published_derived_document"
    op.create_index(
        "published_latest_of_year", document, ["year", sa.text("updated_at DESC"), "agency"]
    )
    op.create_index("published_latest", document, [sa.text("updated_at DESC"), "agency", "year"])
    op.create_index("published_worst_of_year", document, ["year", sa.text("errors DESC"), "agency"])
    op.execute("UPDATE change SET layer = 'working' WHERE resource = 'reports'")
    op.execute(
        "INSERT INTO report_revision (agency, year, revision, at, etag, body)"
        " SELECT r.agency, r.year, r.revision, r.updated_at, d.etag, d.body"
        " FROM report r JOIN derived_document d ON d.agency = r.agency AND d.year = r.year"
    )


def downgrade() -> None:
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_column("correction")
        batch_op.drop_column("state")

    with op.batch_alter_table("clock", schema=None) as batch_op:
        batch_op.drop_column("audit_anchor")
        batch_op.drop_column("audit_head")
        batch_op.drop_column("audited")

    with op.batch_alter_table("import_job", schema=None) as batch_op:
        batch_op.drop_column("only")
        batch_op.drop_column("actor")
    with op.batch_alter_table("change", schema=None) as batch_op:
        batch_op.drop_column("layer")

    with op.batch_alter_table("published_filing_requests", schema=None) as batch_op:
        batch_op.drop_index(
            "published_figures_from_2021_requests",
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_not_corrected__natural_person|other_not_corrected__commercial|other_not_corrected__research|other_not_corrected__public_interest|other_not_corrected__legal_service|other_not_corrected__other_organization|other_not_corrected__total|other_fee_unpaid__natural_person|other_fee_unpaid__commercial|other_fee_unpaid__research|other_fee_unpaid__public_interest|other_fee_unpaid__legal_service|other_fee_unpaid__other_organization|other_fee_unpaid__total|other_misc__natural_person|other_misc__commercial|other_misc__research|other_misc__public_interest|other_misc__legal_service|other_misc__other_organization|other_misc__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_not_corrected__natural_person|other_not_corrected__commercial|other_not_corrected__research|other_not_corrected__public_interest|other_not_corrected__legal_service|other_not_corrected__other_organization|other_not_corrected__total|other_fee_unpaid__natural_person|other_fee_unpaid__commercial|other_fee_unpaid__research|other_fee_unpaid__public_interest|other_fee_unpaid__legal_service|other_fee_unpaid__other_organization|other_fee_unpaid__total|other_misc__natural_person|other_misc__commercial|other_misc__research|other_misc__public_interest|other_misc__legal_service|other_misc__other_organization|other_misc__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0"
            ),
        )
        batch_op.drop_index(
            "published_figures_2019_to_2020_requests",
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_handling__natural_person|other_handling__commercial|other_handling__research|other_handling__public_interest|other_handling__legal_service|other_handling__other_organization|other_handling__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_handling__natural_person|other_handling__commercial|other_handling__research|other_handling__public_interest|other_handling__legal_service|other_handling__other_organization|other_handling__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0"
            ),
        )

    op.drop_table("published_filing_requests")
    with op.batch_alter_table("published_filing_procurement", schema=None) as batch_op:
        batch_op.drop_index(
            "published_figures_2019_to_2020_procurement",
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(centralized__items|centralized__amount, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(centralized__items|centralized__amount, 1) <> 0"
            ),
        )

    op.drop_table("published_filing_procurement")
    with op.batch_alter_table("published_filing_licensing", schema=None) as batch_op:
        batch_op.drop_index(
            "published_figures_from_2021_licensing",
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(licences__decisions, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(licences__decisions, 1) <> 0"
            ),
        )
        batch_op.drop_index(
            "published_figures_2019_to_2020_licensing",
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(licences__items_last_year|licences__items_change|licences__decisions|other_services__items_last_year|other_services__items_change|other_services__decisions, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(licences__items_last_year|licences__items_change|licences__decisions|other_services__items_last_year|other_services__items_change|other_services__decisions, 1) <> 0"
            ),
        )

    op.drop_table("published_filing_licensing")
    with op.batch_alter_table("published_filing_fees", schema=None) as batch_op:
        batch_op.drop_index(
            "published_figures_from_2021_fees",
            sqlite_where=sa.text("year >= 2021 AND NOT nil AND coalesce(charges__amount, 1) <> 0"),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(charges__amount, 1) <> 0"
            ),
        )
        batch_op.drop_index(
            "published_figures_2019_to_2020_fees",
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(charges__items_last_year|charges__items_change, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(charges__items_last_year|charges__items_change, 1) <> 0"
            ),
        )

    op.drop_table("published_filing_fees")
    with op.batch_alter_table("published_filing_enforcement", schema=None) as batch_op:
        batch_op.drop_index(
            "published_figures_from_2021_enforcement",
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(penalties__decisions|compulsion__decisions, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(penalties__decisions|compulsion__decisions, 1) <> 0"
            ),
        )
        batch_op.drop_index(
            "published_figures_2019_to_2020_enforcement",
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(penalties__items_last_year|penalties__items_change|penalties__decisions|compulsion__items_last_year|compulsion__items_change|compulsion__decisions, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(penalties__items_last_year|penalties__items_change|penalties__decisions|compulsion__items_last_year|compulsion__items_change|compulsion__decisions, 1) <> 0"
            ),
        )

    op.drop_table("published_filing_enforcement")
    with op.batch_alter_table("published_filing_documents", schema=None) as batch_op:
        batch_op.drop_index(
            "published_figures_from_2021_documents",
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(rules__issued|rules__repealed|rules__in_force|normative_documents__issued|normative_documents__repealed|normative_documents__in_force, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(rules__issued|rules__repealed|rules__in_force|normative_documents__issued|normative_documents__repealed|normative_documents__in_force, 1) <> 0"
            ),
        )
        batch_op.drop_index(
            "published_figures_2019_to_2020_documents",
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(rules__made|rules__published|rules__public_total|normative_documents__made|normative_documents__published|normative_documents__public_total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(rules__made|rules__published|rules__public_total|normative_documents__made|normative_documents__published|normative_documents__public_total, 1) <> 0"
            ),
        )

    op.drop_table("published_filing_documents")
    with op.batch_alter_table("published_filing_disputes", schema=None) as batch_op:
        batch_op.drop_index(
            "published_figures_from_2021_disputes",
            sqlite_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2021 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0"
            ),
        )
        batch_op.drop_index(
            "published_figures_2019_to_2020_disputes",
            sqlite_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0"
            ),
            postgresql_where=sa.text(
                "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0"
            ),
        )

    op.drop_table("published_filing_disputes")
    with op.batch_alter_table("published_derived_finding", schema=None) as batch_op:
        batch_op.drop_index(
            "published_ix_derived_finding_year_agency", sqlite_where=None, postgresql_where=None
        )
        batch_op.drop_index(
            "published_ix_derived_finding_severity_year_agency",
            sqlite_where=None,
            postgresql_where=None,
        )
        batch_op.drop_index(
            "published_ix_derived_finding_rule_year_agency",
            sqlite_where=None,
            postgresql_where=None,
        )

    op.drop_table("published_derived_finding")
    with op.batch_alter_table("published_derived_document", schema=None) as batch_op:
        batch_op.drop_index(
            "published_ix_derived_document_year", sqlite_where=None, postgresql_where=None
        )

    op.drop_table("published_derived_document")
    with op.batch_alter_table("published_report", schema=None) as batch_op:
        batch_op.drop_index("published_ix_report_year", sqlite_where=None, postgresql_where=None)

    op.drop_table("published_report")
    op.drop_table("finding_decision")
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_key_agency"))

    op.drop_table("api_key")
    op.drop_table("report_transition")
    op.drop_table("report_revision")
    op.drop_table("published_report_revision")
    with op.batch_alter_table("audit_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_entry_agency_year_seq"))

    op.drop_table("audit_entry")
