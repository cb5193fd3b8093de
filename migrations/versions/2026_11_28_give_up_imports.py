"""count the workers that an import has lost."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "2026112803"
down_revision: str | None = "2026112802"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("import_job", sa.Column("lost", sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("import_job") as batch_op:
        batch_op.drop_column("lost")
