"""date agencies and say who followed whom."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision: str = "2026112408"
down_revision: str | None = "2026112407"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def _text(length: int) -> Any:
    plain = sa.String(length=length)
    return plain.with_variant(sa.String(length=length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "agency_period",
        sa.Column("agency", _text(32), nullable=False),
        sa.Column("valid_from", _text(10), nullable=False),
        sa.Column("name", _text(200), nullable=False),
        sa.Column("short_name", _text(200), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("level", sa.String(length=16), nullable=False),
        sa.Column("parent", _text(32), nullable=True),
        sa.ForeignKeyConstraint(
            ["agency"], ["agency.code"], name=op.f("fk_agency_period_agency"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["parent"], ["agency.code"], name=op.f("fk_agency_period_parent")),
        sa.PrimaryKeyConstraint("agency", "valid_from", name=op.f("pk_agency_period")),
    )
    op.create_index(op.f("ix_agency_period_parent"), "agency_period", ["parent"])
    op.create_index(
        op.f("ix_agency_period_valid_from_agency"), "agency_period", ["valid_from", "agency"]
    )
    op.execute(
        "INSERT INTO agency_period (agency, valid_from, name, short_name, kind, level, parent)"
        " SELECT code, '', name, short_name, kind, level, parent FROM agency"
    )
    op.create_table(
        "succession",
        sa.Column("id", _text(36), nullable=False),
        sa.Column("predecessor", _text(32), nullable=False),
        sa.Column("successor", _text(32), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("effective_on", _text(10), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("created_at", _text(27), nullable=False),
        sa.ForeignKeyConstraint(
            ["predecessor"], ["agency.code"], name=op.f("fk_succession_predecessor")
        ),
        sa.ForeignKeyConstraint(
            ["successor"], ["agency.code"], name=op.f("fk_succession_successor")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_succession")),
        sa.UniqueConstraint(
            "predecessor", "successor", name=op.f("uq_succession_predecessor_successor")
        ),
    )
    op.create_index(op.f("ix_succession_successor"), "succession", ["successor"])


def downgrade() -> None:
    op.drop_table("succession")
    op.drop_table("agency_period")
