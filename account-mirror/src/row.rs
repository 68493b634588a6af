//! A row of a result, as the text protocol brings it: bytes, or `NULL`, for each column.

use std::sync::Arc;

/// A row. The rows of one result share the names of the columns.
#[derive(Clone)]
pub struct Row {
    columns: Arc<[String]>,
    values: Vec<Option<Vec<u8>>>,
}

impl Row {
    /// A row with these values, one for each of the columns.
    pub fn new(columns: Arc<[String]>, values: Vec<Option<Vec<u8>>>) -> Self {
        Self { columns, values }
    }

    /// About what the row takes in memory, in bytes.
    pub fn size(&self) -> usize {
        let value = |value: &Option<Vec<u8>>| {
            size_of::<Option<Vec<u8>>>() + value.as_ref().map_or(0, Vec::capacity)
        };
        size_of::<Self>() + self.values.iter().map(value).sum::<usize>()
    }

    /// About what the names in the row take, in bytes: all values but flags.
    pub fn text_size(&self) -> usize {
        let lengths = self.values.iter().flatten().map(Vec::len);
        lengths.filter(|length| *length > 1).sum()
    }

    /// The names of the columns.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(String::as_str)
    }

    /// Whether there is such a column.
    pub fn has(&self, column: &str) -> bool {
        self.columns().any(|name| name == column)
    }

    /// The bytes of a column; `None` if it is `NULL` or absent.
    pub fn bytes(&self, column: &str) -> Option<&[u8]> {
        let at = self.columns().position(|name| name == column)?;
        self.values.get(at)?.as_deref()
    }

    /// The text of a column; `None` if it is `NULL`, absent, or not UTF-8.
    pub fn text(&self, column: &str) -> Option<&str> {
        std::str::from_utf8(self.bytes(column)?).ok()
    }

    /// The text of a column, with the empty text in place of `NULL`.
    pub fn text_or_empty(&self, column: &str) -> &str {
        self.text(column).unwrap_or_default()
    }

    /// The bytes of the first column.
    pub fn first_bytes(&self) -> &[u8] {
        self.values.first().and_then(Option::as_deref).unwrap_or_default()
    }

    /// The text of the first column, where bytes that are not UTF-8 are replaced.
    pub fn first_lossy(self) -> String {
        let first = self.values.into_iter().next().flatten().unwrap_or_default();
        String::from_utf8(first)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    /// The value of a column as a whole number.
    pub fn number(&self, column: &str) -> Option<i64> {
        self.text(column)?.parse().ok()
    }

    /// Whether the value of a column is `Y`.
    pub fn is_yes(&self, column: &str) -> bool {
        self.bytes(column) == Some(b"Y")
    }
}
