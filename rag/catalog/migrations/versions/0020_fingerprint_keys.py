"""The keys of fingerprints, made from the stored keypoints."""

import numpy as np
import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_POINT = np.dtype([("x", "<u2"), ("y", "<u2"), ("size", "<f2"), ("bits", "u1", (16,))])
_BATCH = 500


def upgrade():
    op.create_table(
        "fingerprint_keys",
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("method", sa.Integer, nullable=False),
        sa.Column("coded", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("extraction_id", "number", name="pk_fingerprint_keys"),
        sa.ForeignKeyConstraint(
            ["extraction_id", "number"],
            ["page.extraction_id", "page.number"],
            name="fk_fingerprint_keys_extraction_id",
            ondelete="CASCADE",
        ),
    )
    fingerprint = sa.table("fingerprint", *map(sa.column, ("extraction_id", "number", "method", "keypoints")))
    keys = sa.table("fingerprint_keys", *map(sa.column, ("extraction_id", "number", "method", "coded")))
    connection, after = op.get_bind(), (-1, -1)
    place = sa.tuple_(fingerprint.c.extraction_id, fingerprint.c.number)
    while True:
        some = sa.select(fingerprint).where(place > sa.tuple_(*after)).order_by(*place).limit(_BATCH)
        rows = connection.execute(some).all()
        if not rows:
            return
        made = [
            {"extraction_id": row[0], "number": row[1], "method": row[2], "coded": _keys_of(row[3])} for row in rows
        ]
        connection.execute(sa.insert(keys), made)
        after = rows[-1][:2]


def _keys_of(coded):
    found = np.frombuffer(coded, _POINT)[:128]
    mixed = np.ascontiguousarray(found["bits"]).view("<u4").astype(np.uint64)
    mixed = mixed + (np.arange(4, dtype=np.uint64) << np.uint64(32))
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.unique(mixed >> np.uint64(40)).astype("<u4").tobytes()
