"""What models cost, to use and to tune: a dated table with a source for each row, and what a session of one's own data would cost."""

from kefu.improve.prices.show import readme, tables
from kefu.improve.prices.table import Row, Table, compare, find, load, merged, write
from kefu.improve.prices.tokens import Usage, usage

__all__ = ["Row", "Table", "Usage", "compare", "find", "load", "merged", "readme", "tables", "usage", "write"]
