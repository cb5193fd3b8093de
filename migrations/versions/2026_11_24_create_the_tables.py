"""create the tables."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "2026112401"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.create_table(
        "agency",
        sa.Column(
            "code",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "name",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "short_name",
            sa.String(length=200).with_variant(sa.String(length=200, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column(
            "parent",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("uscc", sa.String(length=18), nullable=True),
        sa.Column("uscc_unchecked", sa.Boolean(), nullable=False),
        sa.Column("division", sa.String(length=9), nullable=True),
        sa.Column("active_from", sa.String(length=10), nullable=True),
        sa.Column("active_to", sa.String(length=10), nullable=True),
        sa.Column("search", sa.Text(), nullable=False),
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
        sa.ForeignKeyConstraint(["parent"], ["agency.code"], name=op.f("fk_agency_parent")),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_agency")),
        sa.UniqueConstraint("uscc", name=op.f("uq_agency_uscc")),
    )
    with op.batch_alter_table("agency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_agency_parent"), ["parent"], unique=False)

    op.create_table(
        "reporting_year",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", sa.String(length=8), nullable=False),
        sa.Column("due", sa.Text(), nullable=False),
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
        sa.PrimaryKeyConstraint("year", name=op.f("pk_reporting_year")),
    )
    op.create_table(
        "retired",
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_retired")),
    )
    op.create_table(
        "report",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("agency_name_reported", sa.Text(), nullable=True),
        sa.Column("overview", sa.Text(), nullable=True),
        sa.Column("problems", sa.Text(), nullable=True),
        sa.Column("other_matters", sa.Text(), nullable=True),
        sa.Column("submitted_on", sa.String(length=10), nullable=True),
        sa.Column("published_on", sa.String(length=10), nullable=True),
        sa.Column("published_url", sa.Text(), nullable=True),
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
        sa.ForeignKeyConstraint(["agency"], ["agency.code"], name=op.f("fk_report_agency")),
        sa.ForeignKeyConstraint(["year"], ["reporting_year.year"], name=op.f("fk_report_year")),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_report")),
    )
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_report_year"), ["year"], unique=False)

    op.create_table(
        "derived_document",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("etag", sa.String(length=48), nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("warnings", sa.Integer(), nullable=False),
        sa.Column("infos", sa.Integer(), nullable=False),
        sa.Column("rule_set", sa.String(length=16), nullable=False),
        sa.Column("summary", sa.LargeBinary(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_derived_document_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_derived_document")),
    )
    with op.batch_alter_table("derived_document", schema=None) as batch_op:
        batch_op.create_index("ix_derived_document_year", ["year", "agency"], unique=False)

    op.create_table(
        "derived_finding",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "rule",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.String(length=8).with_variant(sa.String(length=8, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_derived_finding_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", "position", name=op.f("pk_derived_finding")),
    )
    with op.batch_alter_table("derived_finding", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_derived_finding_rule_year_agency"),
            ["rule", "year", "agency"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_derived_finding_severity_year_agency"),
            ["severity", "year", "agency"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_derived_finding_year_agency"), ["year", "agency"], unique=False
        )

    op.create_table(
        "filing_disputes",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("nil", sa.Boolean(), nullable=False),
        sa.Column("not_applicable", sa.Text(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("reconsideration__upheld", sa.BigInteger(), nullable=True),
        sa.Column("reconsideration__corrected", sa.BigInteger(), nullable=True),
        sa.Column("reconsideration__other_result", sa.BigInteger(), nullable=True),
        sa.Column("reconsideration__pending", sa.BigInteger(), nullable=True),
        sa.Column("reconsideration__total", sa.BigInteger(), nullable=True),
        sa.Column("litigation_direct__upheld", sa.BigInteger(), nullable=True),
        sa.Column("litigation_direct__corrected", sa.BigInteger(), nullable=True),
        sa.Column("litigation_direct__other_result", sa.BigInteger(), nullable=True),
        sa.Column("litigation_direct__pending", sa.BigInteger(), nullable=True),
        sa.Column("litigation_direct__total", sa.BigInteger(), nullable=True),
        sa.Column("litigation_after_reconsideration__upheld", sa.BigInteger(), nullable=True),
        sa.Column("litigation_after_reconsideration__corrected", sa.BigInteger(), nullable=True),
        sa.Column("litigation_after_reconsideration__other_result", sa.BigInteger(), nullable=True),
        sa.Column("litigation_after_reconsideration__pending", sa.BigInteger(), nullable=True),
        sa.Column("litigation_after_reconsideration__total", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "litigation_after_reconsideration__upheld BETWEEN 0 AND 9007199254740992 AND litigation_after_reconsideration__corrected BETWEEN 0 AND 9007199254740992 AND litigation_after_reconsideration__other_result BETWEEN 0 AND 9007199254740992 AND litigation_after_reconsideration__pending BETWEEN 0 AND 9007199254740992 AND litigation_after_reconsideration__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_disputes_litigation_after_reconsideration"),
        ),
        sa.CheckConstraint(
            "litigation_direct__upheld BETWEEN 0 AND 9007199254740992 AND litigation_direct__corrected BETWEEN 0 AND 9007199254740992 AND litigation_direct__other_result BETWEEN 0 AND 9007199254740992 AND litigation_direct__pending BETWEEN 0 AND 9007199254740992 AND litigation_direct__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_disputes_litigation_direct"),
        ),
        sa.CheckConstraint(
            "reconsideration__upheld BETWEEN 0 AND 9007199254740992 AND reconsideration__corrected BETWEEN 0 AND 9007199254740992 AND reconsideration__other_result BETWEEN 0 AND 9007199254740992 AND reconsideration__pending BETWEEN 0 AND 9007199254740992 AND reconsideration__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_disputes_reconsideration"),
        ),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_filing_disputes_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_filing_disputes")),
    )
    op.create_table(
        "filing_documents",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("nil", sa.Boolean(), nullable=False),
        sa.Column("not_applicable", sa.Text(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("rules__made", sa.BigInteger(), nullable=True),
        sa.Column("rules__published", sa.BigInteger(), nullable=True),
        sa.Column("rules__public_total", sa.BigInteger(), nullable=True),
        sa.Column("normative_documents__made", sa.BigInteger(), nullable=True),
        sa.Column("normative_documents__published", sa.BigInteger(), nullable=True),
        sa.Column("normative_documents__public_total", sa.BigInteger(), nullable=True),
        sa.Column("rules__issued", sa.BigInteger(), nullable=True),
        sa.Column("rules__repealed", sa.BigInteger(), nullable=True),
        sa.Column("rules__in_force", sa.BigInteger(), nullable=True),
        sa.Column("normative_documents__issued", sa.BigInteger(), nullable=True),
        sa.Column("normative_documents__repealed", sa.BigInteger(), nullable=True),
        sa.Column("normative_documents__in_force", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "normative_documents__issued BETWEEN 0 AND 9007199254740992 AND normative_documents__repealed BETWEEN 0 AND 9007199254740992 AND normative_documents__in_force BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_documents_normative_documents_2021"),
        ),
        sa.CheckConstraint(
            "normative_documents__made BETWEEN 0 AND 9007199254740992 AND normative_documents__published BETWEEN 0 AND 9007199254740992 AND normative_documents__public_total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_documents_normative_documents"),
        ),
        sa.CheckConstraint(
            "rules__issued BETWEEN 0 AND 9007199254740992 AND rules__repealed BETWEEN 0 AND 9007199254740992 AND rules__in_force BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_documents_rules_2021"),
        ),
        sa.CheckConstraint(
            "rules__made BETWEEN 0 AND 9007199254740992 AND rules__published BETWEEN 0 AND 9007199254740992 AND rules__public_total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_documents_rules"),
        ),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_filing_documents_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_filing_documents")),
    )
    op.create_table(
        "filing_enforcement",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("nil", sa.Boolean(), nullable=False),
        sa.Column("not_applicable", sa.Text(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("penalties__items_last_year", sa.BigInteger(), nullable=True),
        sa.Column("penalties__items_change", sa.BigInteger(), nullable=True),
        sa.Column("penalties__decisions", sa.BigInteger(), nullable=True),
        sa.Column("compulsion__items_last_year", sa.BigInteger(), nullable=True),
        sa.Column("compulsion__items_change", sa.BigInteger(), nullable=True),
        sa.Column("compulsion__decisions", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "compulsion__items_last_year BETWEEN 0 AND 9007199254740992 AND compulsion__items_change BETWEEN -9007199254740992 AND 9007199254740992 AND compulsion__decisions BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_enforcement_compulsion"),
        ),
        sa.CheckConstraint(
            "penalties__items_last_year BETWEEN 0 AND 9007199254740992 AND penalties__items_change BETWEEN -9007199254740992 AND 9007199254740992 AND penalties__decisions BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_enforcement_penalties"),
        ),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_filing_enforcement_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_filing_enforcement")),
    )
    op.create_table(
        "filing_fees",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("nil", sa.Boolean(), nullable=False),
        sa.Column("not_applicable", sa.Text(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("charges__items_last_year", sa.BigInteger(), nullable=True),
        sa.Column("charges__items_change", sa.BigInteger(), nullable=True),
        sa.Column("charges__amount", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "charges__amount BETWEEN 0 AND 999999999999999999",
            name=op.f("ck_filing_fees_charges_2021"),
        ),
        sa.CheckConstraint(
            "charges__items_last_year BETWEEN 0 AND 9007199254740992 AND charges__items_change BETWEEN -9007199254740992 AND 9007199254740992",
            name=op.f("ck_filing_fees_charges"),
        ),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_filing_fees_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_filing_fees")),
    )
    op.create_table(
        "filing_licensing",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("nil", sa.Boolean(), nullable=False),
        sa.Column("not_applicable", sa.Text(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("licences__items_last_year", sa.BigInteger(), nullable=True),
        sa.Column("licences__items_change", sa.BigInteger(), nullable=True),
        sa.Column("licences__decisions", sa.BigInteger(), nullable=True),
        sa.Column("other_services__items_last_year", sa.BigInteger(), nullable=True),
        sa.Column("other_services__items_change", sa.BigInteger(), nullable=True),
        sa.Column("other_services__decisions", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "licences__items_last_year BETWEEN 0 AND 9007199254740992 AND licences__items_change BETWEEN -9007199254740992 AND 9007199254740992 AND licences__decisions BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_licensing_licences"),
        ),
        sa.CheckConstraint(
            "other_services__items_last_year BETWEEN 0 AND 9007199254740992 AND other_services__items_change BETWEEN -9007199254740992 AND 9007199254740992 AND other_services__decisions BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_licensing_other_services"),
        ),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_filing_licensing_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_filing_licensing")),
    )
    op.create_table(
        "filing_procurement",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("nil", sa.Boolean(), nullable=False),
        sa.Column("not_applicable", sa.Text(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("amount_unit", sa.String(length=16), nullable=True),
        sa.Column("centralized__items", sa.BigInteger(), nullable=True),
        sa.Column("centralized__amount", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "centralized__items BETWEEN 0 AND 9007199254740992 AND centralized__amount BETWEEN 0 AND 999999999999999999",
            name=op.f("ck_filing_procurement_centralized"),
        ),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_filing_procurement_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_filing_procurement")),
    )
    op.create_table(
        "filing_requests",
        sa.Column(
            "agency",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("nil", sa.Boolean(), nullable=False),
        sa.Column("not_applicable", sa.Text(), nullable=True),
        sa.Column("remarks", sa.Text(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("received__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("received__commercial", sa.BigInteger(), nullable=True),
        sa.Column("received__research", sa.BigInteger(), nullable=True),
        sa.Column("received__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("received__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("received__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("received__total", sa.BigInteger(), nullable=True),
        sa.Column("carried_in__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("carried_in__commercial", sa.BigInteger(), nullable=True),
        sa.Column("carried_in__research", sa.BigInteger(), nullable=True),
        sa.Column("carried_in__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("carried_in__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("carried_in__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("carried_in__total", sa.BigInteger(), nullable=True),
        sa.Column("granted__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("granted__commercial", sa.BigInteger(), nullable=True),
        sa.Column("granted__research", sa.BigInteger(), nullable=True),
        sa.Column("granted__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("granted__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("granted__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("granted__total", sa.BigInteger(), nullable=True),
        sa.Column("partly_granted__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("partly_granted__commercial", sa.BigInteger(), nullable=True),
        sa.Column("partly_granted__research", sa.BigInteger(), nullable=True),
        sa.Column("partly_granted__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("partly_granted__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("partly_granted__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("partly_granted__total", sa.BigInteger(), nullable=True),
        sa.Column("refused_state_secret__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("refused_state_secret__commercial", sa.BigInteger(), nullable=True),
        sa.Column("refused_state_secret__research", sa.BigInteger(), nullable=True),
        sa.Column("refused_state_secret__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("refused_state_secret__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("refused_state_secret__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("refused_state_secret__total", sa.BigInteger(), nullable=True),
        sa.Column("refused_by_law__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("refused_by_law__commercial", sa.BigInteger(), nullable=True),
        sa.Column("refused_by_law__research", sa.BigInteger(), nullable=True),
        sa.Column("refused_by_law__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("refused_by_law__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("refused_by_law__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("refused_by_law__total", sa.BigInteger(), nullable=True),
        sa.Column("refused_security__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("refused_security__commercial", sa.BigInteger(), nullable=True),
        sa.Column("refused_security__research", sa.BigInteger(), nullable=True),
        sa.Column("refused_security__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("refused_security__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("refused_security__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("refused_security__total", sa.BigInteger(), nullable=True),
        sa.Column("refused_third_party__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("refused_third_party__commercial", sa.BigInteger(), nullable=True),
        sa.Column("refused_third_party__research", sa.BigInteger(), nullable=True),
        sa.Column("refused_third_party__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("refused_third_party__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("refused_third_party__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("refused_third_party__total", sa.BigInteger(), nullable=True),
        sa.Column("refused_internal__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("refused_internal__commercial", sa.BigInteger(), nullable=True),
        sa.Column("refused_internal__research", sa.BigInteger(), nullable=True),
        sa.Column("refused_internal__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("refused_internal__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("refused_internal__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("refused_internal__total", sa.BigInteger(), nullable=True),
        sa.Column("refused_process__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("refused_process__commercial", sa.BigInteger(), nullable=True),
        sa.Column("refused_process__research", sa.BigInteger(), nullable=True),
        sa.Column("refused_process__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("refused_process__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("refused_process__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("refused_process__total", sa.BigInteger(), nullable=True),
        sa.Column("refused_enforcement_file__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("refused_enforcement_file__commercial", sa.BigInteger(), nullable=True),
        sa.Column("refused_enforcement_file__research", sa.BigInteger(), nullable=True),
        sa.Column("refused_enforcement_file__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("refused_enforcement_file__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("refused_enforcement_file__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("refused_enforcement_file__total", sa.BigInteger(), nullable=True),
        sa.Column("refused_query__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("refused_query__commercial", sa.BigInteger(), nullable=True),
        sa.Column("refused_query__research", sa.BigInteger(), nullable=True),
        sa.Column("refused_query__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("refused_query__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("refused_query__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("refused_query__total", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_held__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_held__commercial", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_held__research", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_held__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_held__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_held__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_held__total", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_made__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_made__commercial", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_made__research", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_made__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_made__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_made__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_not_made__total", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_unclear__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_unclear__commercial", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_unclear__research", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_unclear__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_unclear__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_unclear__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("unavailable_unclear__total", sa.BigInteger(), nullable=True),
        sa.Column("declined_petition__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("declined_petition__commercial", sa.BigInteger(), nullable=True),
        sa.Column("declined_petition__research", sa.BigInteger(), nullable=True),
        sa.Column("declined_petition__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("declined_petition__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("declined_petition__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("declined_petition__total", sa.BigInteger(), nullable=True),
        sa.Column("declined_repeat__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("declined_repeat__commercial", sa.BigInteger(), nullable=True),
        sa.Column("declined_repeat__research", sa.BigInteger(), nullable=True),
        sa.Column("declined_repeat__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("declined_repeat__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("declined_repeat__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("declined_repeat__total", sa.BigInteger(), nullable=True),
        sa.Column("declined_publication__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("declined_publication__commercial", sa.BigInteger(), nullable=True),
        sa.Column("declined_publication__research", sa.BigInteger(), nullable=True),
        sa.Column("declined_publication__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("declined_publication__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("declined_publication__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("declined_publication__total", sa.BigInteger(), nullable=True),
        sa.Column("declined_excessive__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("declined_excessive__commercial", sa.BigInteger(), nullable=True),
        sa.Column("declined_excessive__research", sa.BigInteger(), nullable=True),
        sa.Column("declined_excessive__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("declined_excessive__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("declined_excessive__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("declined_excessive__total", sa.BigInteger(), nullable=True),
        sa.Column("declined_reconfirm__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("declined_reconfirm__commercial", sa.BigInteger(), nullable=True),
        sa.Column("declined_reconfirm__research", sa.BigInteger(), nullable=True),
        sa.Column("declined_reconfirm__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("declined_reconfirm__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("declined_reconfirm__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("declined_reconfirm__total", sa.BigInteger(), nullable=True),
        sa.Column("other_handling__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("other_handling__commercial", sa.BigInteger(), nullable=True),
        sa.Column("other_handling__research", sa.BigInteger(), nullable=True),
        sa.Column("other_handling__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("other_handling__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("other_handling__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("other_handling__total", sa.BigInteger(), nullable=True),
        sa.Column("handled__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("handled__commercial", sa.BigInteger(), nullable=True),
        sa.Column("handled__research", sa.BigInteger(), nullable=True),
        sa.Column("handled__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("handled__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("handled__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("handled__total", sa.BigInteger(), nullable=True),
        sa.Column("carried_out__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("carried_out__commercial", sa.BigInteger(), nullable=True),
        sa.Column("carried_out__research", sa.BigInteger(), nullable=True),
        sa.Column("carried_out__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("carried_out__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("carried_out__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("carried_out__total", sa.BigInteger(), nullable=True),
        sa.Column("other_not_corrected__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("other_not_corrected__commercial", sa.BigInteger(), nullable=True),
        sa.Column("other_not_corrected__research", sa.BigInteger(), nullable=True),
        sa.Column("other_not_corrected__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("other_not_corrected__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("other_not_corrected__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("other_not_corrected__total", sa.BigInteger(), nullable=True),
        sa.Column("other_fee_unpaid__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("other_fee_unpaid__commercial", sa.BigInteger(), nullable=True),
        sa.Column("other_fee_unpaid__research", sa.BigInteger(), nullable=True),
        sa.Column("other_fee_unpaid__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("other_fee_unpaid__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("other_fee_unpaid__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("other_fee_unpaid__total", sa.BigInteger(), nullable=True),
        sa.Column("other_misc__natural_person", sa.BigInteger(), nullable=True),
        sa.Column("other_misc__commercial", sa.BigInteger(), nullable=True),
        sa.Column("other_misc__research", sa.BigInteger(), nullable=True),
        sa.Column("other_misc__public_interest", sa.BigInteger(), nullable=True),
        sa.Column("other_misc__legal_service", sa.BigInteger(), nullable=True),
        sa.Column("other_misc__other_organization", sa.BigInteger(), nullable=True),
        sa.Column("other_misc__total", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "carried_in__natural_person BETWEEN 0 AND 9007199254740992 AND carried_in__commercial BETWEEN 0 AND 9007199254740992 AND carried_in__research BETWEEN 0 AND 9007199254740992 AND carried_in__public_interest BETWEEN 0 AND 9007199254740992 AND carried_in__legal_service BETWEEN 0 AND 9007199254740992 AND carried_in__other_organization BETWEEN 0 AND 9007199254740992 AND carried_in__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_carried_in"),
        ),
        sa.CheckConstraint(
            "carried_out__natural_person BETWEEN 0 AND 9007199254740992 AND carried_out__commercial BETWEEN 0 AND 9007199254740992 AND carried_out__research BETWEEN 0 AND 9007199254740992 AND carried_out__public_interest BETWEEN 0 AND 9007199254740992 AND carried_out__legal_service BETWEEN 0 AND 9007199254740992 AND carried_out__other_organization BETWEEN 0 AND 9007199254740992 AND carried_out__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_carried_out"),
        ),
        sa.CheckConstraint(
            "declined_excessive__natural_person BETWEEN 0 AND 9007199254740992 AND declined_excessive__commercial BETWEEN 0 AND 9007199254740992 AND declined_excessive__research BETWEEN 0 AND 9007199254740992 AND declined_excessive__public_interest BETWEEN 0 AND 9007199254740992 AND declined_excessive__legal_service BETWEEN 0 AND 9007199254740992 AND declined_excessive__other_organization BETWEEN 0 AND 9007199254740992 AND declined_excessive__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_declined_excessive"),
        ),
        sa.CheckConstraint(
            "declined_petition__natural_person BETWEEN 0 AND 9007199254740992 AND declined_petition__commercial BETWEEN 0 AND 9007199254740992 AND declined_petition__research BETWEEN 0 AND 9007199254740992 AND declined_petition__public_interest BETWEEN 0 AND 9007199254740992 AND declined_petition__legal_service BETWEEN 0 AND 9007199254740992 AND declined_petition__other_organization BETWEEN 0 AND 9007199254740992 AND declined_petition__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_declined_petition"),
        ),
        sa.CheckConstraint(
            "declined_publication__natural_person BETWEEN 0 AND 9007199254740992 AND declined_publication__commercial BETWEEN 0 AND 9007199254740992 AND declined_publication__research BETWEEN 0 AND 9007199254740992 AND declined_publication__public_interest BETWEEN 0 AND 9007199254740992 AND declined_publication__legal_service BETWEEN 0 AND 9007199254740992 AND declined_publication__other_organization BETWEEN 0 AND 9007199254740992 AND declined_publication__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_declined_publication"),
        ),
        sa.CheckConstraint(
            "declined_reconfirm__natural_person BETWEEN 0 AND 9007199254740992 AND declined_reconfirm__commercial BETWEEN 0 AND 9007199254740992 AND declined_reconfirm__research BETWEEN 0 AND 9007199254740992 AND declined_reconfirm__public_interest BETWEEN 0 AND 9007199254740992 AND declined_reconfirm__legal_service BETWEEN 0 AND 9007199254740992 AND declined_reconfirm__other_organization BETWEEN 0 AND 9007199254740992 AND declined_reconfirm__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_declined_reconfirm"),
        ),
        sa.CheckConstraint(
            "declined_repeat__natural_person BETWEEN 0 AND 9007199254740992 AND declined_repeat__commercial BETWEEN 0 AND 9007199254740992 AND declined_repeat__research BETWEEN 0 AND 9007199254740992 AND declined_repeat__public_interest BETWEEN 0 AND 9007199254740992 AND declined_repeat__legal_service BETWEEN 0 AND 9007199254740992 AND declined_repeat__other_organization BETWEEN 0 AND 9007199254740992 AND declined_repeat__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_declined_repeat"),
        ),
        sa.CheckConstraint(
            "granted__natural_person BETWEEN 0 AND 9007199254740992 AND granted__commercial BETWEEN 0 AND 9007199254740992 AND granted__research BETWEEN 0 AND 9007199254740992 AND granted__public_interest BETWEEN 0 AND 9007199254740992 AND granted__legal_service BETWEEN 0 AND 9007199254740992 AND granted__other_organization BETWEEN 0 AND 9007199254740992 AND granted__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_granted"),
        ),
        sa.CheckConstraint(
            "handled__natural_person BETWEEN 0 AND 9007199254740992 AND handled__commercial BETWEEN 0 AND 9007199254740992 AND handled__research BETWEEN 0 AND 9007199254740992 AND handled__public_interest BETWEEN 0 AND 9007199254740992 AND handled__legal_service BETWEEN 0 AND 9007199254740992 AND handled__other_organization BETWEEN 0 AND 9007199254740992 AND handled__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_handled"),
        ),
        sa.CheckConstraint(
            "other_fee_unpaid__natural_person BETWEEN 0 AND 9007199254740992 AND other_fee_unpaid__commercial BETWEEN 0 AND 9007199254740992 AND other_fee_unpaid__research BETWEEN 0 AND 9007199254740992 AND other_fee_unpaid__public_interest BETWEEN 0 AND 9007199254740992 AND other_fee_unpaid__legal_service BETWEEN 0 AND 9007199254740992 AND other_fee_unpaid__other_organization BETWEEN 0 AND 9007199254740992 AND other_fee_unpaid__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_other_fee_unpaid"),
        ),
        sa.CheckConstraint(
            "other_handling__natural_person BETWEEN 0 AND 9007199254740992 AND other_handling__commercial BETWEEN 0 AND 9007199254740992 AND other_handling__research BETWEEN 0 AND 9007199254740992 AND other_handling__public_interest BETWEEN 0 AND 9007199254740992 AND other_handling__legal_service BETWEEN 0 AND 9007199254740992 AND other_handling__other_organization BETWEEN 0 AND 9007199254740992 AND other_handling__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_other_handling"),
        ),
        sa.CheckConstraint(
            "other_misc__natural_person BETWEEN 0 AND 9007199254740992 AND other_misc__commercial BETWEEN 0 AND 9007199254740992 AND other_misc__research BETWEEN 0 AND 9007199254740992 AND other_misc__public_interest BETWEEN 0 AND 9007199254740992 AND other_misc__legal_service BETWEEN 0 AND 9007199254740992 AND other_misc__other_organization BETWEEN 0 AND 9007199254740992 AND other_misc__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_other_misc"),
        ),
        sa.CheckConstraint(
            "other_not_corrected__natural_person BETWEEN 0 AND 9007199254740992 AND other_not_corrected__commercial BETWEEN 0 AND 9007199254740992 AND other_not_corrected__research BETWEEN 0 AND 9007199254740992 AND other_not_corrected__public_interest BETWEEN 0 AND 9007199254740992 AND other_not_corrected__legal_service BETWEEN 0 AND 9007199254740992 AND other_not_corrected__other_organization BETWEEN 0 AND 9007199254740992 AND other_not_corrected__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_other_not_corrected"),
        ),
        sa.CheckConstraint(
            "partly_granted__natural_person BETWEEN 0 AND 9007199254740992 AND partly_granted__commercial BETWEEN 0 AND 9007199254740992 AND partly_granted__research BETWEEN 0 AND 9007199254740992 AND partly_granted__public_interest BETWEEN 0 AND 9007199254740992 AND partly_granted__legal_service BETWEEN 0 AND 9007199254740992 AND partly_granted__other_organization BETWEEN 0 AND 9007199254740992 AND partly_granted__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_partly_granted"),
        ),
        sa.CheckConstraint(
            "received__natural_person BETWEEN 0 AND 9007199254740992 AND received__commercial BETWEEN 0 AND 9007199254740992 AND received__research BETWEEN 0 AND 9007199254740992 AND received__public_interest BETWEEN 0 AND 9007199254740992 AND received__legal_service BETWEEN 0 AND 9007199254740992 AND received__other_organization BETWEEN 0 AND 9007199254740992 AND received__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_received"),
        ),
        sa.CheckConstraint(
            "refused_by_law__natural_person BETWEEN 0 AND 9007199254740992 AND refused_by_law__commercial BETWEEN 0 AND 9007199254740992 AND refused_by_law__research BETWEEN 0 AND 9007199254740992 AND refused_by_law__public_interest BETWEEN 0 AND 9007199254740992 AND refused_by_law__legal_service BETWEEN 0 AND 9007199254740992 AND refused_by_law__other_organization BETWEEN 0 AND 9007199254740992 AND refused_by_law__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_refused_by_law"),
        ),
        sa.CheckConstraint(
            "refused_enforcement_file__natural_person BETWEEN 0 AND 9007199254740992 AND refused_enforcement_file__commercial BETWEEN 0 AND 9007199254740992 AND refused_enforcement_file__research BETWEEN 0 AND 9007199254740992 AND refused_enforcement_file__public_interest BETWEEN 0 AND 9007199254740992 AND refused_enforcement_file__legal_service BETWEEN 0 AND 9007199254740992 AND refused_enforcement_file__other_organization BETWEEN 0 AND 9007199254740992 AND refused_enforcement_file__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_refused_enforcement_file"),
        ),
        sa.CheckConstraint(
            "refused_internal__natural_person BETWEEN 0 AND 9007199254740992 AND refused_internal__commercial BETWEEN 0 AND 9007199254740992 AND refused_internal__research BETWEEN 0 AND 9007199254740992 AND refused_internal__public_interest BETWEEN 0 AND 9007199254740992 AND refused_internal__legal_service BETWEEN 0 AND 9007199254740992 AND refused_internal__other_organization BETWEEN 0 AND 9007199254740992 AND refused_internal__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_refused_internal"),
        ),
        sa.CheckConstraint(
            "refused_process__natural_person BETWEEN 0 AND 9007199254740992 AND refused_process__commercial BETWEEN 0 AND 9007199254740992 AND refused_process__research BETWEEN 0 AND 9007199254740992 AND refused_process__public_interest BETWEEN 0 AND 9007199254740992 AND refused_process__legal_service BETWEEN 0 AND 9007199254740992 AND refused_process__other_organization BETWEEN 0 AND 9007199254740992 AND refused_process__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_refused_process"),
        ),
        sa.CheckConstraint(
            "refused_query__natural_person BETWEEN 0 AND 9007199254740992 AND refused_query__commercial BETWEEN 0 AND 9007199254740992 AND refused_query__research BETWEEN 0 AND 9007199254740992 AND refused_query__public_interest BETWEEN 0 AND 9007199254740992 AND refused_query__legal_service BETWEEN 0 AND 9007199254740992 AND refused_query__other_organization BETWEEN 0 AND 9007199254740992 AND refused_query__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_refused_query"),
        ),
        sa.CheckConstraint(
            "refused_security__natural_person BETWEEN 0 AND 9007199254740992 AND refused_security__commercial BETWEEN 0 AND 9007199254740992 AND refused_security__research BETWEEN 0 AND 9007199254740992 AND refused_security__public_interest BETWEEN 0 AND 9007199254740992 AND refused_security__legal_service BETWEEN 0 AND 9007199254740992 AND refused_security__other_organization BETWEEN 0 AND 9007199254740992 AND refused_security__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_refused_security"),
        ),
        sa.CheckConstraint(
            "refused_state_secret__natural_person BETWEEN 0 AND 9007199254740992 AND refused_state_secret__commercial BETWEEN 0 AND 9007199254740992 AND refused_state_secret__research BETWEEN 0 AND 9007199254740992 AND refused_state_secret__public_interest BETWEEN 0 AND 9007199254740992 AND refused_state_secret__legal_service BETWEEN 0 AND 9007199254740992 AND refused_state_secret__other_organization BETWEEN 0 AND 9007199254740992 AND refused_state_secret__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_refused_state_secret"),
        ),
        sa.CheckConstraint(
            "refused_third_party__natural_person BETWEEN 0 AND 9007199254740992 AND refused_third_party__commercial BETWEEN 0 AND 9007199254740992 AND refused_third_party__research BETWEEN 0 AND 9007199254740992 AND refused_third_party__public_interest BETWEEN 0 AND 9007199254740992 AND refused_third_party__legal_service BETWEEN 0 AND 9007199254740992 AND refused_third_party__other_organization BETWEEN 0 AND 9007199254740992 AND refused_third_party__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_refused_third_party"),
        ),
        sa.CheckConstraint(
            "unavailable_not_held__natural_person BETWEEN 0 AND 9007199254740992 AND unavailable_not_held__commercial BETWEEN 0 AND 9007199254740992 AND unavailable_not_held__research BETWEEN 0 AND 9007199254740992 AND unavailable_not_held__public_interest BETWEEN 0 AND 9007199254740992 AND unavailable_not_held__legal_service BETWEEN 0 AND 9007199254740992 AND unavailable_not_held__other_organization BETWEEN 0 AND 9007199254740992 AND unavailable_not_held__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_unavailable_not_held"),
        ),
        sa.CheckConstraint(
            "unavailable_not_made__natural_person BETWEEN 0 AND 9007199254740992 AND unavailable_not_made__commercial BETWEEN 0 AND 9007199254740992 AND unavailable_not_made__research BETWEEN 0 AND 9007199254740992 AND unavailable_not_made__public_interest BETWEEN 0 AND 9007199254740992 AND unavailable_not_made__legal_service BETWEEN 0 AND 9007199254740992 AND unavailable_not_made__other_organization BETWEEN 0 AND 9007199254740992 AND unavailable_not_made__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_unavailable_not_made"),
        ),
        sa.CheckConstraint(
            "unavailable_unclear__natural_person BETWEEN 0 AND 9007199254740992 AND unavailable_unclear__commercial BETWEEN 0 AND 9007199254740992 AND unavailable_unclear__research BETWEEN 0 AND 9007199254740992 AND unavailable_unclear__public_interest BETWEEN 0 AND 9007199254740992 AND unavailable_unclear__legal_service BETWEEN 0 AND 9007199254740992 AND unavailable_unclear__other_organization BETWEEN 0 AND 9007199254740992 AND unavailable_unclear__total BETWEEN 0 AND 9007199254740992",
            name=op.f("ck_filing_requests_unavailable_unclear"),
        ),
        sa.ForeignKeyConstraint(
            ["agency", "year"],
            ["report.agency", "report.year"],
            name=op.f("fk_filing_requests_agency_year"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("agency", "year", name=op.f("pk_filing_requests")),
    )
    document = "derived_document"
    op.create_index("latest_of_year", document, ["year", sa.text("updated_at DESC"), "agency"])
    op.create_index("latest", document, [sa.text("updated_at DESC"), "agency", "year"])
    op.create_index("worst_of_year", document, ["year", sa.text("errors DESC"), "agency"])


def downgrade() -> None:
    op.drop_table("filing_requests")
    op.drop_table("filing_procurement")
    op.drop_table("filing_licensing")
    op.drop_table("filing_fees")
    op.drop_table("filing_enforcement")
    op.drop_table("filing_documents")
    op.drop_table("filing_disputes")
    with op.batch_alter_table("derived_finding", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_derived_finding_year_agency"))
        batch_op.drop_index(batch_op.f("ix_derived_finding_severity_year_agency"))
        batch_op.drop_index(batch_op.f("ix_derived_finding_rule_year_agency"))

    op.drop_table("derived_finding")
    with op.batch_alter_table("derived_document", schema=None) as batch_op:
        batch_op.drop_index("ix_derived_document_year")

    op.drop_table("derived_document")
    with op.batch_alter_table("report", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_report_year"))

    op.drop_table("report")
    op.drop_table("retired")
    op.drop_table("reporting_year")
    with op.batch_alter_table("agency", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_agency_parent"))

    op.drop_table("agency")
