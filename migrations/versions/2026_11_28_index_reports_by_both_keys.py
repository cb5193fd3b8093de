"""index reports by year and agency, where it was the year alone."""

from collections.abc import Sequence

from alembic import op

revision: str = "2026112801"
down_revision: str | None = "2026112408"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = {"report": "", "published_report": "published_"}


def upgrade() -> None:
    for table, prefix in TABLES.items():
        op.drop_index(f"{prefix}ix_report_year", table_name=table)
        op.create_index(f"{prefix}ix_report_year_agency", table, ["year", "agency"])


def downgrade() -> None:
    for table, prefix in TABLES.items():
        op.drop_index(f"{prefix}ix_report_year_agency", table_name=table)
        op.create_index(f"{prefix}ix_report_year", table, ["year"])
