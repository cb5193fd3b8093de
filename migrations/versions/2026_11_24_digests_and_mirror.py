"""digest what reports say; remember what is mirrored."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "2026112405"
down_revision: str | None = "2026112410"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    # Not by batch: SQLite can do this as it is, and a copy of the table would lose its indexes
    # whose first key descends.
    op.add_column("derived_document", sa.Column("digest", sa.String(length=64), nullable=True))
    op.drop_index("ix_derived_document_year", table_name="derived_document")
    op.create_index("ix_derived_document_year", "derived_document", ["year", "agency", "digest"])
    op.create_table(
        "mirror_state",
        sa.Column("source", sa.String(length=500), nullable=False),
        sa.Column(
            "under",
            sa.String(length=32).with_variant(sa.String(length=32, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column(
            "updated_at",
            sa.String(length=27).with_variant(sa.String(length=27, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("source", name=op.f("pk_mirror_state")),
    )


def downgrade() -> None:
    op.drop_table("mirror_state")
    op.drop_index("ix_derived_document_year", table_name="derived_document")
    op.create_index("ix_derived_document_year", "derived_document", ["year", "agency"])
    op.drop_column("derived_document", "digest")
