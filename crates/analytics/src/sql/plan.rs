//! What a query does: where its rows come from, which of them it takes, how it groups, sorts and cuts them.

use sqlparser::ast::{
    Expr, GroupByExpr, LimitClause, Offset, OrderByExpr, OrderByKind, OrderBySort, Query, Select, SelectItem, SetExpr,
    TableFactor, TableWithJoins, Value as Literal,
};

use super::aggregate::Aggregate;
use super::compile::Compiler;
use super::expression::{Node, Typed};
use super::value::{Type, Value};
use super::{refused, unsupported};
use crate::QueryError;
use crate::rows::{self, RETENTION, Wanted};

type Result<T> = std::result::Result<T, QueryError>;

/// Queries within queries.
const MAX_DEPTH: usize = 8;

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) source: Source,
    pub(crate) filter: Option<Node>,
    /// Rows become groups, one where nothing says by what.
    pub(crate) is_grouped: bool,
    pub(crate) groups: Vec<Node>,
    pub(crate) aggregates: Vec<Aggregate>,
    pub(crate) outputs: Vec<(String, Typed)>,
    pub(crate) having: Option<Node>,
    /// Each with whether the greatest comes first.
    pub(crate) order: Vec<(Node, bool)>,
    pub(crate) offset: usize,
    pub(crate) limit: Option<usize>,
}

#[derive(Debug)]
pub(crate) enum Source {
    /// One row of nothing.
    Nothing,
    Points(Wanted),
    /// Another query, and which of its columns are read.
    Query(Box<Plan>, Vec<usize>),
}

/// `known`: whether the account has a dataset of this name.
pub(crate) fn plan(query: &Query, now: i64, known: &dyn Fn(&str) -> Result<bool>) -> Result<Plan> {
    Planner { now, known, depth: 0 }.query(query)
}

struct Planner<'k> {
    now: i64,
    known: &'k dyn Fn(&str) -> Result<bool>,
    depth: usize,
}

/// Where rows come from, before it is known which columns are read.
enum From {
    Nothing,
    Dataset(String),
    Query(Box<Plan>),
}

// === impl Planner ===

impl Planner<'_> {
    fn query<'q>(&mut self, query: &'q Query) -> Result<Plan> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(refused(format!("more than {MAX_DEPTH} queries within each other are too many")));
        }
        let Query {
            with,
            body,
            order_by,
            limit_clause,
            fetch,
            locks,
            for_clause,
            settings,
            format_clause,
            pipe_operators,
        } = query;
        no(with.is_some(), "WITH")?;
        no(fetch.is_some(), "FETCH")?;
        no(!locks.is_empty() || for_clause.is_some(), "FOR")?;
        no(settings.is_some(), "SETTINGS")?;
        no(format_clause.is_some(), "FORMAT in the middle of a query")?;
        no(!pipe_operators.is_empty(), "|>")?;
        let select = match &**body {
            SetExpr::Select(select) => select,
            SetExpr::SetOperation { op, .. } => return Err(unsupported(op)),
            _ => return Err(unsupported("a query in parentheses, or one that is no SELECT,")),
        };
        let order: Vec<&'q OrderByExpr> = match order_by {
            None => Vec::new(),
            Some(order) => {
                no(order.interpolate.is_some(), "INTERPOLATE")?;
                match &order.kind {
                    OrderByKind::Expressions(order) => order.iter().collect(),
                    OrderByKind::All(_) => return Err(unsupported("ORDER BY ALL")),
                }
            }
        };
        let mut keys = Vec::new();
        for key in order {
            no(key.with_fill.is_some(), "WITH FILL")?;
            no(key.options.nulls_first.is_some(), "NULLS FIRST and NULLS LAST")?;
            let descending = match key.options.sort {
                None | Some(OrderBySort::Asc) => false,
                Some(OrderBySort::Desc) => true,
                Some(OrderBySort::Using(_)) => return Err(unsupported("ORDER BY USING")),
            };
            keys.push((&key.expr, descending));
        }
        let (offset, limit) = limits(limit_clause.as_ref())?;
        let plan = self.select(select, &keys)?;
        self.depth -= 1;
        Ok(Plan { offset, limit, ..plan })
    }

    fn select<'q>(&mut self, select: &'q Select, keys: &[(&'q Expr, bool)]) -> Result<Plan> {
        no(select.distinct.is_some(), "SELECT DISTINCT")?;
        no(select.top.is_some(), "TOP")?;
        no(select.into.is_some(), "INTO")?;
        no(select.prewhere.is_some(), "PREWHERE")?;
        no(select.qualify.is_some(), "QUALIFY")?;
        no(!select.named_window.is_empty(), "WINDOW")?;
        no(!select.lateral_views.is_empty(), "LATERAL VIEW")?;
        no(!select.connect_by.is_empty(), "CONNECT BY")?;
        let hive = [!select.cluster_by.is_empty(), !select.distribute_by.is_empty(), !select.sort_by.is_empty()];
        no(hive.contains(&true), "CLUSTER BY, DISTRIBUTE BY or SORT BY")?;
        no(select.exclude.is_some() || select.value_table_mode.is_some(), "this form of SELECT")?;
        no(select.select_modifiers.is_some(), "a modifier of SELECT")?;

        let (from, columns) = self.from(&select.from)?;
        let aliases = select.projection.iter().filter_map(|item| match item {
            SelectItem::ExprWithAlias { expr, alias } => Some((alias.value.as_str(), expr)),
            _ => None,
        });
        let mut compiler = Compiler {
            columns,
            read: Vec::new(),
            aliases: aliases.collect(),
            within: Vec::new(),
            aggregates: Vec::new(),
            no_aggregates: Some("WHERE"),
            now: self.now,
            steps: 0,
        };
        let filter = match &select.selection {
            None => None,
            Some(condition) => Some(condition_of("WHERE", compiler.compile(condition)?)?),
        };
        compiler.no_aggregates = Some("GROUP BY");
        let mut groups = Vec::new();
        let GroupByExpr::Expressions(group_by, modifiers) = &select.group_by else {
            return Err(unsupported("GROUP BY ALL"));
        };
        no(!modifiers.is_empty(), "WITH ROLLUP, CUBE and TOTALS")?;
        for key in group_by {
            let key = compiler.compile(key)?;
            by_value("GROUP BY", &key)?;
            groups.push(key.node);
        }
        compiler.no_aggregates = None;
        let mut outputs = Vec::new();
        for item in &select.projection {
            output(&mut compiler, item, &mut outputs)?;
        }
        let having = match &select.having {
            None => None,
            Some(condition) => Some(condition_of("HAVING", compiler.compile(condition)?)?),
        };
        let mut order = Vec::new();
        for (key, descending) in keys {
            let key = compiler.compile(key)?;
            by_value("ORDER BY", &key)?;
            order.push((key.node, *descending));
        }

        let is_grouped = !groups.is_empty() || !compiler.aggregates.is_empty() || having.is_some();
        let mut plan = Plan {
            source: Source::Nothing,
            filter,
            is_grouped,
            groups,
            aggregates: compiler.aggregates,
            outputs,
            having,
            order,
            offset: 0,
            limit: None,
        };
        if is_grouped {
            let name =
                |place: usize| compiler.read.get(place).map_or("?", |column| compiler.columns[*column].0.as_str());
            plan.of_groups(&name)?;
        }
        plan.source = match from {
            From::Nothing => Source::Nothing,
            From::Query(inner) => Source::Query(inner, compiler.read),
            From::Dataset(dataset) => {
                let time = compiler.read.iter().position(|column| *column == rows::TIMESTAMP);
                let (from, to) = match (time, &plan.filter) {
                    (Some(time), Some(filter)) => times(filter, time),
                    _ => (i64::MIN, i64::MAX),
                };
                // Those past their time may still be there.
                let from = from.max(self.now - RETENTION);
                Source::Points(Wanted { dataset, columns: compiler.read, from, to })
            }
        };
        Ok(plan)
    }

    fn from(&mut self, tables: &[TableWithJoins]) -> Result<(From, Vec<(String, Type)>)> {
        let table = match tables {
            [] => return Ok((From::Nothing, Vec::new())),
            [table] => table,
            _ => return Err(unsupported("a query of more than one dataset")),
        };
        no(!table.joins.is_empty(), "JOIN")?;
        match &table.relation {
            TableFactor::Table {
                name,
                alias: _,
                args: None,
                with_hints,
                version: None,
                partitions,
                sample: None,
                ..
            } if with_hints.is_empty() && partitions.is_empty() => {
                let name = match &name.0[..] {
                    [part] => part.as_ident().map(|name| name.value.clone()),
                    _ => None,
                };
                let name = name.ok_or_else(|| unsupported("a dataset's name of more than one part"))?;
                if !(self.known)(&name)? {
                    return Err(refused(format!(
                        "there is no dataset {name:?}: a dataset is there from its first data point on"
                    )));
                }
                let columns = rows::columns().enumerate().map(|(at, column)| {
                    let kind = match at {
                        rows::TIMESTAMP => Type::Time,
                        rows::SAMPLE_INTERVAL => Type::uint(32),
                        at if rows::is_text(at) => Type::Text,
                        _ => Type::Float,
                    };
                    (column, kind)
                });
                Ok((From::Dataset(name), columns.collect()))
            }
            TableFactor::Derived { lateral: false, subquery, sample: None, .. } => {
                let inner = self.query(subquery)?;
                let columns = inner.outputs.iter().map(|(name, typed)| (name.clone(), typed.kind)).collect();
                Ok((From::Query(Box::new(inner)), columns))
            }
            _ => Err(unsupported("what FROM names: one dataset, or one query in parentheses,")),
        }
    }
}

fn output<'q>(compiler: &mut Compiler<'q>, item: &'q SelectItem, outputs: &mut Vec<(String, Typed)>) -> Result<()> {
    match item {
        SelectItem::UnnamedExpr(expression) => {
            let name = match expression {
                Expr::Identifier(name) => name.value.clone(),
                other => other.to_string(),
            };
            outputs.push((name, compiler.compile(expression)?));
        }
        SelectItem::ExprWithAlias { expr, alias } => {
            // Within itself, the name is the source's column.
            compiler.within.push(&alias.value);
            let compiled = compiler.compile(expr);
            compiler.within.pop();
            outputs.push((alias.value.clone(), compiled?));
        }
        SelectItem::Wildcard(options) if options.to_string().is_empty() => {
            for at in 0..compiler.columns.len() {
                let (name, kind) = compiler.columns[at].clone();
                outputs.push((name, Typed { node: Node::Column(compiler.place(at)), kind }));
            }
            no(compiler.columns.is_empty(), "SELECT * without FROM")?;
        }
        other => return Err(unsupported(other)),
    }
    Ok(())
}

fn no(is_there: bool, what: &str) -> Result<()> {
    if is_there { Err(unsupported(what)) } else { Ok(()) }
}

/// A number by itself would mean a place in SELECT elsewhere, and here the same key for every row.
fn by_value(clause: &str, key: &Typed) -> Result<()> {
    no(matches!(key.node, Node::Constant(Value::Int(_))), &format!("{clause} by a column's number"))?;
    no(key.kind == Type::Interval, &format!("{clause} by an interval"))
}

fn condition_of(clause: &str, condition: Typed) -> Result<Node> {
    match condition.kind.is_number() {
        true => Ok(condition.node),
        false => {
            Err(refused(format!("{clause} should be true or false, but is of the type {}", condition.kind.name())))
        }
    }
}

fn limits(clause: Option<&LimitClause>) -> Result<(usize, Option<usize>)> {
    let number = |expression: &Expr| match expression {
        Expr::Value(value) => match &value.value {
            Literal::Number(digits, _) => {
                digits.parse().map_err(|_| refused(format!("LIMIT {digits} is out of bounds")))
            }
            other => Err(unsupported(format!("LIMIT {other}"))),
        },
        other => Err(unsupported(format!("LIMIT {other}"))),
    };
    match clause {
        None => Ok((0, None)),
        Some(LimitClause::LimitOffset { limit, offset, limit_by }) => {
            no(!limit_by.is_empty(), "LIMIT BY")?;
            let offset = match offset {
                Some(Offset { value, .. }) => number(value)?,
                None => 0,
            };
            Ok((offset, limit.as_ref().map(number).transpose()?))
        }
        Some(LimitClause::OffsetCommaLimit { offset, limit }) => Ok((number(offset)?, Some(number(limit)?))),
    }
}

/// The first and the last second that a condition leaves, where the column at `time` is a time.
fn times(condition: &Node, time: usize) -> (i64, i64) {
    let all = (i64::MIN, i64::MAX);
    match condition {
        Node::And(one, two) => {
            let (one, two) = (times(one, time), times(two, time));
            (one.0.max(two.0), one.1.min(two.1))
        }
        Node::Call(operation, args) => {
            let (bound, turned) = match &args[..] {
                [Node::Column(at), Node::Constant(bound @ (Value::Time(_) | Value::Int(_)))] if *at == time => {
                    (bound.int(), false)
                }
                [Node::Constant(bound @ (Value::Time(_) | Value::Int(_))), Node::Column(at)] if *at == time => {
                    (bound.int(), true)
                }
                _ => return all,
            };
            match (operation.name, turned) {
                ("equals", _) => (bound, bound),
                ("greater", false) | ("less", true) => (bound.saturating_add(1), i64::MAX),
                ("greaterOrEquals", false) | ("lessOrEquals", true) => (bound, i64::MAX),
                ("less", false) | ("greater", true) => (i64::MIN, bound.saturating_sub(1)),
                ("lessOrEquals", false) | ("greaterOrEquals", true) => (i64::MIN, bound),
                _ => all,
            }
        }
        _ => all,
    }
}

// === impl Plan ===

impl Plan {
    /// Outputs, HAVING and ORDER BY are computed of groups, not of rows.
    fn of_groups<'n>(&mut self, name: &dyn Fn(usize) -> &'n str) -> Result<()> {
        let groups = self.groups.clone();
        let mut stray = None;
        let mut change = |node: &mut Node| {
            if let Some(at) = groups.iter().position(|group| group == node) {
                *node = Node::Group(at);
                return false;
            }
            if let Node::Column(at) = node {
                stray.get_or_insert(*at);
            }
            true
        };
        self.outputs.iter_mut().for_each(|(_, output)| output.node.rewrite(&mut change));
        self.having.iter_mut().for_each(|having| having.rewrite(&mut change));
        self.order.iter_mut().for_each(|(key, _)| key.rewrite(&mut change));
        match stray {
            None => Ok(()),
            Some(at) => {
                Err(refused(format!("the column {:?} is neither in GROUP BY nor within an aggregate", name(at))))
            }
        }
    }
}
