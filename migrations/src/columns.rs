//! The few kinds of column there are.

use sea_orm_migration::prelude::*;

/// Text that must be there.
pub(crate) fn text(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.text().not_null();
    column
}

/// Text that may be missing.
pub(crate) fn text_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.text().null();
    column
}

/// A number that must be there: a count, a version, a time in milliseconds.
pub(crate) fn number(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.big_integer().not_null();
    column
}

/// A number that may be missing.
pub(crate) fn number_or_null(name: &'static str) -> ColumnDef {
    let mut column = ColumnDef::new(Alias::new(name));
    column.big_integer().null();
    column
}

/// A table to be filled with columns.
pub(crate) fn table(name: &'static str) -> TableCreateStatement {
    let mut statement = Table::create();
    statement.table(Alias::new(name));
    statement
}

/// An index over columns.
pub(crate) fn index(name: &'static str, table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut statement = Index::create();
    statement.name(name).table(Alias::new(table));
    for column in columns {
        statement.col(Alias::new(*column));
    }
    statement
}

/// A foreign key whose rows go with the row they point to.
pub(crate) fn belongs_to(
    from: (&'static str, &'static str),
    to: (&'static str, &'static str),
) -> ForeignKeyCreateStatement {
    let mut statement = ForeignKey::create();
    statement
        .from(Alias::new(from.0), Alias::new(from.1))
        .to(Alias::new(to.0), Alias::new(to.1))
        .on_delete(ForeignKeyAction::Cascade);
    statement
}
