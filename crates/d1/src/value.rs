//! Statements with what goes into them.

pub use store::sql::Value;

/// A prepared statement: SQL and the values of its parameters, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statement {
    pub sql: String,
    pub params: Vec<Value>,
}

// === impl Statement ===

impl Statement {
    /// A statement without parameters.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), params: Vec::new() }
    }

    pub fn bind(mut self, value: Value) -> Self {
        self.params.push(value);
        self
    }
}
