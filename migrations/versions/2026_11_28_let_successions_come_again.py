"""let an agency follow another more than once, in different years."""

from collections.abc import Sequence

from alembic import op

revision: str = "2026112802"
down_revision: str | None = "2026112801"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

PAIR = "uq_succession_predecessor_successor"


def upgrade() -> None:
    with op.batch_alter_table("succession") as batch_op:
        batch_op.drop_constraint(PAIR, type_="unique")
        batch_op.create_unique_constraint(f"{PAIR}_year", ["predecessor", "successor", "year"])


def downgrade() -> None:
    again = "SELECT 1 FROM succession GROUP BY predecessor, successor HAVING count(*) > 1"
    if op.get_bind().exec_driver_sql(again).first():
        raise ValueError("an agency followed another in several years: delete all but one of these")
    with op.batch_alter_table("succession") as batch_op:
        batch_op.drop_constraint(f"{PAIR}_year", type_="unique")
        batch_op.create_unique_constraint(PAIR, ["predecessor", "successor"])
