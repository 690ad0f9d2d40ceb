//! What a Worker's SQL may do, asked by SQLite while it compiles a statement.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};

/// The state that the authorizer shares with its connection.
#[derive(Debug, Default)]
pub struct Rules {
    /// The statement is the runtime's own: all of it is allowed.
    trusted: AtomicBool,
    /// A statement was refused because it begins or ends a transaction.
    refused_transaction: AtomicBool,
}

/// Lets the runtime's own statements pass while it lives.
pub struct Trusted(Arc<Rules>);

// === impl Rules ===

impl Rules {
    /// What is run while the returned value lives is the runtime's own.
    pub fn trust(self: &Arc<Self>) -> Trusted {
        self.trusted.store(true, Ordering::Relaxed);
        Trusted(self.clone())
    }

    /// Whether a statement was refused because it begins or ends a transaction, since this was last asked.
    pub fn take_refused_transaction(&self) -> bool {
        self.refused_transaction.swap(false, Ordering::Relaxed)
    }

    /// Asks the rules about every statement of `connection` from now on.
    pub fn govern(self: &Arc<Self>, connection: &mut Connection) -> rusqlite::Result<()> {
        let rules = self.clone();
        connection.authorizer(Some(move |asked: AuthContext<'_>| rules.ask(&asked)))
    }

    fn ask(&self, asked: &AuthContext<'_>) -> Authorization {
        if self.trusted.load(Ordering::Relaxed) {
            return Authorization::Allow;
        }
        if matches!(asked.action, AuthAction::Transaction { .. } | AuthAction::Savepoint { .. }) {
            self.refused_transaction.store(true, Ordering::Relaxed);
        }
        if allows(asked) { Authorization::Allow } else { Authorization::Deny }
    }
}

impl Drop for Trusted {
    fn drop(&mut self) {
        self.0.trusted.store(false, Ordering::Relaxed);
    }
}

fn allows(asked: &AuthContext<'_>) -> bool {
    // Its context names a column, or nothing, in the database's place.
    if let AuthAction::AlterTable { database_name, table_name } = asked.action {
        return database_name == "main" && is_open(table_name);
    }
    let in_temp = match asked.database_name {
        None | Some("main") => false,
        Some("temp") => true,
        // No other database is ever attached.
        Some(_) => return false,
    };
    match asked.action {
        AuthAction::Read { table_name, .. } => is_open(table_name) && !table_name.eq_ignore_ascii_case("dbstat"),
        AuthAction::Update { table_name, .. } => is_open(table_name),
        _ if in_temp => false,
        AuthAction::Select | AuthAction::Recursive | AuthAction::Analyze { .. } => true,
        AuthAction::CreateTable { table_name }
        | AuthAction::DropTable { table_name }
        | AuthAction::Insert { table_name }
        | AuthAction::Delete { table_name } => is_open(table_name),
        AuthAction::CreateView { view_name } | AuthAction::DropView { view_name } => is_open(view_name),
        AuthAction::Reindex { index_name } => is_open(index_name),
        AuthAction::CreateIndex { index_name, table_name } | AuthAction::DropIndex { index_name, table_name } => {
            is_open(index_name) && is_open(table_name)
        }
        AuthAction::CreateTrigger { trigger_name, table_name }
        | AuthAction::DropTrigger { trigger_name, table_name } => is_open(trigger_name) && is_open(table_name),
        AuthAction::CreateVtable { table_name, module_name } | AuthAction::DropVtable { table_name, module_name } => {
            let full_text = module_name.eq_ignore_ascii_case("fts5") || module_name.eq_ignore_ascii_case("fts5vocab");
            full_text && is_open(table_name)
        }
        AuthAction::Function { function_name } => {
            FUNCTIONS.iter().any(|allowed| allowed.eq_ignore_ascii_case(function_name))
        }
        AuthAction::Pragma { pragma_name, pragma_value } => allows_pragma(pragma_name, pragma_value),
        // Transactions, other databases, temporary tables, and whatever SQLite learns to ask later.
        _ => false,
    }
}

/// Names that begin with `_cf_` are the platform's.
fn is_open(name: &str) -> bool {
    !name.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("_cf_"))
}

/// <https://developers.cloudflare.com/d1/sql-api/sql-statements/#compatible-pragma-statements>
fn allows_pragma(name: &str, value: Option<&str>) -> bool {
    match name.to_ascii_lowercase().as_str() {
        "table_list" => true,
        "table_info" | "table_xinfo" | "foreign_key_list" | "index_info" | "index_list" | "index_xinfo" => {
            value.is_some_and(is_open)
        }
        "foreign_key_check" | "quick_check" => value.is_none_or(is_open),
        "data_version" => value.is_none(),
        "optimize" => value.is_none_or(|value| value.parse::<i32>().is_ok()),
        "case_sensitive_like"
        | "foreign_keys"
        | "defer_foreign_keys"
        | "ignore_check_constraints"
        | "legacy_alter_table"
        | "recursive_triggers"
        | "reverse_unordered_selects" => value.is_none_or(is_boolean),
        _ => false,
    }
}

fn is_boolean(value: &str) -> bool {
    let value = value.trim_matches(['\'', '"']);
    ["true", "false", "yes", "no", "on", "off", "1", "0"].iter().any(|word| value.eq_ignore_ascii_case(word))
}

/// <https://developers.cloudflare.com/d1/sql-api/sql-statements/>, and what SQLite itself calls in ALTER TABLE and FTS5.
#[rustfmt::skip]
const FUNCTIONS: &[&str] = &[
    // Core: https://www.sqlite.org/lang_corefunc.html, without what tells of the build or reaches out of the database.
    "abs", "changes", "char", "coalesce", "concat", "concat_ws", "format", "glob", "hex", "if", "ifnull", "iif", "instr",
    "last_insert_rowid", "length", "like", "likelihood", "likely", "lower", "ltrim", "max", "min", "nullif",
    "octet_length", "printf", "quote", "random", "randomblob", "replace", "round", "rtrim", "sign", "soundex", "substr",
    "substring", "total_changes", "trim", "typeof", "unhex", "unicode", "unistr", "unistr_quote", "unlikely", "upper",
    "zeroblob",
    // Dates: https://www.sqlite.org/lang_datefunc.html
    "current_date", "current_time", "current_timestamp", "date", "datetime", "julianday", "strftime", "time",
    "timediff", "unixepoch",
    // Aggregates and windows: https://www.sqlite.org/lang_aggfunc.html
    "avg", "count", "group_concat", "string_agg", "sum", "total", "row_number", "rank", "dense_rank", "percent_rank",
    "cume_dist", "ntile", "lag", "lead", "first_value", "last_value", "nth_value",
    // Mathematics: https://www.sqlite.org/lang_mathfunc.html
    "acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "ceil", "ceiling", "cos", "cosh", "degrees", "exp",
    "floor", "ln", "log", "log10", "log2", "mod", "pi", "pow", "power", "radians", "sin", "sinh", "sqrt", "tan", "tanh",
    "trunc",
    // JSON: https://www.sqlite.org/json1.html
    "->", "->>", "json", "json_array", "json_array_insert", "json_array_length", "json_each", "json_error_position",
    "json_extract", "json_group_array", "json_group_object", "json_insert", "json_object", "json_patch", "json_pretty",
    "json_quote", "json_remove", "json_replace", "json_set", "json_tree", "json_type", "json_valid", "jsonb",
    "jsonb_array", "jsonb_array_insert", "jsonb_each", "jsonb_extract", "jsonb_group_array", "jsonb_group_object",
    "jsonb_insert", "jsonb_object", "jsonb_patch", "jsonb_remove", "jsonb_replace", "jsonb_set", "jsonb_tree",
    // Full-text search: https://www.sqlite.org/fts5.html
    "bm25", "highlight", "match", "snippet",
    // ALTER TABLE, from within
    "sqlite_drop_column", "sqlite_rename_column", "sqlite_rename_quotefix", "sqlite_rename_table",
    "sqlite_rename_test",
];
