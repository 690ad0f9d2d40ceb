//! From expressions as they were parsed to what is computed, with types.

use std::cmp::Ordering;

use sqlparser::ast::{
    BinaryOperator, CeilFloorKind, DateTimeField, DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, InTarget, Interval, UnaryOperator, Value as Literal,
};

use super::aggregate::{Aggregate, Kind};
use super::expression::{Node, Typed};
use super::function::{as_time, call, constant, resolve};
use super::number::Result as Computed;
use super::time::Unit;
use super::value::{Type, Value};
use super::{number, refused, text, time, unsupported};
use crate::QueryError;

type Result<T> = std::result::Result<T, QueryError>;

/// Compiles the expressions of one SELECT.
pub(crate) struct Compiler<'q> {
    /// What the source has.
    pub(crate) columns: Vec<(String, Type)>,
    /// Which of them are read, in the order of the rows that come.
    pub(crate) read: Vec<usize>,
    /// What the SELECT gives names to.
    pub(crate) aliases: Vec<(&'q str, &'q Expr)>,
    /// Aliases that are being looked at, which mean the source's columns there.
    pub(crate) within: Vec<&'q str>,
    pub(crate) aggregates: Vec<Aggregate>,
    /// Where the expression stands; `None`: aggregates may be used.
    pub(crate) no_aggregates: Option<&'static str>,
    pub(crate) now: i64,
    /// Expressions that were looked at: names of names of names grow.
    pub(crate) steps: usize,
}

const MAX_STEPS: usize = 200_000;

// === impl Compiler ===

impl<'q> Compiler<'q> {
    pub(crate) fn compile(&mut self, expression: &'q Expr) -> Result<Typed> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(refused("the query is too long, with what its names stand for"));
        }
        match expression {
            Expr::Identifier(name) => self.named(&name.value),
            Expr::Nested(inner) => self.compile(inner),
            Expr::Value(value) => literal(&value.value),
            Expr::Interval(interval) => self.interval(interval),
            Expr::UnaryOp { op, expr } => {
                let one = self.compile(expr)?;
                match op {
                    UnaryOperator::Plus if one.kind.is_number() => Ok(one),
                    UnaryOperator::Minus if one.kind == Type::Float => {
                        call("negate", number::negate_float, [one], Type::Float)
                    }
                    UnaryOperator::Minus if one.kind.is_number() => {
                        let kind = one.kind.wider(Type::uint(8), true);
                        let kind = if one.node.constant().is_some() { smallest(&one.node, kind) } else { kind };
                        call("negate", number::negate_int, [one], kind)
                    }
                    UnaryOperator::Not if one.kind.is_number() => not(one),
                    op => Err(unsupported(format!("{op} here"))),
                }
            }
            Expr::BinaryOp { left, op, right } => {
                let (one, two) = (self.compile(left)?, self.compile(right)?);
                binary(one, op, two)
            }
            Expr::Between { expr, negated, low, high } => {
                let value = self.compile(expr)?;
                let low = compare(value.clone(), &BinaryOperator::GtEq, self.compile(low)?)?;
                let high = compare(value, &BinaryOperator::LtEq, self.compile(high)?)?;
                let both =
                    Typed { node: Node::And(Box::new(low.node), Box::new(high.node)).folded()?, kind: Type::BOOL };
                if *negated { not(both) } else { Ok(both) }
            }
            Expr::In { expr, target: InTarget::List(list), negated, global: false } => {
                let value = self.compile(expr)?;
                let mut items = Vec::new();
                for item in list {
                    let item = self.compile(item)?;
                    items.push(comparable(&value, item)?.node);
                }
                let found = Typed { node: Node::In(Box::new(value.node), items).folded()?, kind: Type::BOOL };
                if *negated { not(found) } else { Ok(found) }
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                self.like("like", text::like, *negated, expr, pattern)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char: None } => {
                self.like("ilike", text::ilike, *negated, expr, pattern)
            }
            Expr::Position { expr, r#in } => {
                let args = vec![self.compile(expr)?, self.compile(r#in)?];
                resolve("position", args, self.now)
            }
            Expr::Substring { expr, substring_from: Some(from), substring_for, .. } => {
                let mut args = vec![self.compile(expr)?, self.compile(from)?];
                if let Some(length) = substring_for {
                    args.push(self.compile(length)?);
                }
                resolve("substring", args, self.now)
            }
            Expr::Ceil { expr, field } => self.rounded("ceil", expr, field),
            Expr::Floor { expr, field } => self.rounded("floor", expr, field),
            Expr::Extract { field, expr, .. } => {
                let name = match unit(field)? {
                    Unit::Year => "toYear",
                    Unit::Month => "toMonth",
                    Unit::Day => "toDayOfMonth",
                    Unit::Hour => "toHour",
                    Unit::Minute => "toMinute",
                    Unit::Second => "toSecond",
                };
                let time = self.compile(expr)?;
                resolve(name, vec![time], self.now)
            }
            Expr::Function(function) => self.function(function),
            Expr::CompoundIdentifier(_) => {
                Err(unsupported(format!("the name {expression}: columns stand by themselves")))
            }
            Expr::Case { .. } => Err(unsupported("CASE (if() is there)")),
            Expr::Cast { .. } => Err(unsupported("CAST")),
            Expr::IsNull(_) | Expr::IsNotNull(_) => Err(unsupported("NULL, which no column has,")),
            Expr::Subquery(_) | Expr::Exists { .. } => Err(unsupported("a subquery outside of FROM")),
            other => Err(unsupported(format!("the expression {}", shown(other)))),
        }
    }

    fn named(&mut self, name: &'q str) -> Result<Typed> {
        let alias = self.aliases.iter().find(|(alias, _)| *alias == name).copied();
        if let Some((alias, expression)) = alias.filter(|(alias, _)| !self.within.contains(alias)) {
            self.within.push(alias);
            let found = self.compile(expression);
            self.within.pop();
            return found;
        }
        let at = self.columns.iter().position(|(column, _)| column == name);
        let at = at.ok_or_else(|| refused(format!("there is no column {name:?}")))?;
        Ok(Typed { node: Node::Column(self.place(at)), kind: self.columns[at].1 })
    }

    /// Where in the rows that come a column of the source is.
    pub(crate) fn place(&mut self, column: usize) -> usize {
        if let Some(place) = self.read.iter().position(|read| *read == column) {
            return place;
        }
        self.read.push(column);
        self.read.len() - 1
    }

    fn interval(&mut self, interval: &'q Interval) -> Result<Typed> {
        let Interval { value, leading_field: Some(field), leading_precision: None, last_field: None, .. } = interval
        else {
            return Err(unsupported(format!("the interval {}", shown(interval))));
        };
        let count = self.compile(value)?;
        let count = match count.node.constant() {
            Some(Value::Int(count)) => Some(*count),
            Some(Value::Text(count)) => count.trim().parse().ok(),
            _ => None,
        };
        let count = count.ok_or_else(|| refused("an interval should be a whole number of a unit"))?;
        Ok(constant(unit(field)?.interval(count)?, Type::Interval))
    }

    fn like(
        &mut self,
        name: &'static str,
        run: fn(&[Value]) -> Computed,
        negated: bool,
        value: &'q Expr,
        pattern: &'q Expr,
    ) -> Result<Typed> {
        let args = [self.compile(value)?, self.compile(pattern)?];
        if args.iter().any(|arg| arg.kind != Type::Text) {
            return Err(refused(format!("{} compares texts", name.to_ascii_uppercase())));
        }
        let found = call(name, run, args, Type::BOOL)?;
        if negated { not(found) } else { Ok(found) }
    }

    fn rounded(&mut self, name: &str, value: &'q Expr, field: &'q CeilFloorKind) -> Result<Typed> {
        let mut args = vec![self.compile(value)?];
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {}
            CeilFloorKind::DateTimeField(field) => return Err(unsupported(format!("{name} to {field}"))),
            CeilFloorKind::Scale(scale) => args.push(literal(&scale.value)?),
        }
        resolve(name, args, self.now)
    }

    fn function(&mut self, function: &'q Function) -> Result<Typed> {
        let name = function.name.to_string();
        let plain = function.filter.is_none()
            && function.over.is_none()
            && function.null_treatment.is_none()
            && function.within_group.is_empty();
        if !plain {
            return Err(unsupported(format!("{name} with FILTER, OVER, NULLS or WITHIN GROUP")));
        }
        let (args, distinct) = self.arguments(&name, &function.args)?;
        let (parameters, _) = self.arguments(&name, &function.parameters)?;
        let found = self.aggregate(&name, args, parameters, distinct)?;
        match found {
            Found::Aggregate(aggregate) => {
                if let Some(place) = self.no_aggregates {
                    return Err(refused(format!("the aggregate {name} can't be used in {place}")));
                }
                let kind = aggregate.result;
                let known = self.aggregates.iter().position(|known| *known == aggregate);
                let at = known.unwrap_or_else(|| {
                    self.aggregates.push(aggregate);
                    self.aggregates.len() - 1
                });
                Ok(Typed { node: Node::Aggregate(at), kind })
            }
            Found::Other(args) if !distinct && matches!(function.parameters, FunctionArguments::None) => {
                resolve(&name, args, self.now)
            }
            Found::Other(_) => Err(unsupported(format!("{name} with DISTINCT or parameters"))),
        }
    }

    fn arguments(&mut self, name: &str, arguments: &'q FunctionArguments) -> Result<(Vec<Typed>, bool)> {
        let list = match arguments {
            FunctionArguments::None => return Ok((Vec::new(), false)),
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => return Err(unsupported("a subquery as an argument")),
        };
        let FunctionArgumentList { duplicate_treatment, args, clauses } = list;
        if !clauses.is_empty() {
            return Err(unsupported(format!("{name} with more than arguments")));
        }
        let mut compiled = Vec::new();
        for arg in args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) => compiled.push(self.compile(arg)?),
                // count(*) is count().
                FunctionArg::Unnamed(FunctionArgExpr::Wildcard)
                    if name.eq_ignore_ascii_case("count") && args.len() == 1 => {}
                other => return Err(unsupported(format!("the argument {}", shown(other)))),
            }
        }
        Ok((compiled, *duplicate_treatment == Some(DuplicateTreatment::Distinct)))
    }

    fn aggregate(&self, name: &str, args: Vec<Typed>, parameters: Vec<Typed>, distinct: bool) -> Result<Found> {
        let lower = name.to_ascii_lowercase();
        let kinds: Vec<Type> = args.iter().map(|arg| arg.kind).collect();
        let number = Type::is_number;
        let sum = |kind: Type| match kind {
            Type::Int { signed, .. } => Type::Int { bits: 64, signed },
            other => other,
        };
        let level = |level: Option<&Typed>| {
            let level = level.and_then(|level| level.node.constant().map(Value::float));
            level
                .filter(|level| (0.0..=1.0).contains(level))
                .ok_or_else(|| refused(format!("{name}: the level should be from 0 to 1")))
        };
        let (kind, result) = match (lower.as_str(), &kinds[..], parameters.len()) {
            ("count", [], 0) if !distinct => (Kind::Count, Type::uint(64)),
            ("count", [_], 0) => (Kind::Count, Type::uint(64)),
            ("count", [_, ..], 0) if distinct => (Kind::Count, Type::uint(64)),
            ("sum", [one], 0) if number(*one) => (Kind::Sum, sum(*one)),
            ("avg", [one], 0) if number(*one) => (Kind::Average, Type::Float),
            ("min", [one], 0) if *one != Type::Interval => (Kind::Min, *one),
            ("max", [one], 0) if *one != Type::Interval => (Kind::Max, *one),
            ("argmin", [one, two], 0) if *two != Type::Interval && !distinct => (Kind::ArgMin, *one),
            ("argmax", [one, two], 0) if *two != Type::Interval && !distinct => (Kind::ArgMax, *one),
            ("countif", [one], 0) if number(*one) && !distinct => (Kind::CountIf, Type::uint(64)),
            ("sumif", [one, two], 0) if number(*one) && number(*two) && !distinct => (Kind::SumIf, sum(*one)),
            ("avgif", [one, two], 0) if number(*one) && number(*two) && !distinct => (Kind::AverageIf, Type::Float),
            ("quantileexactweighted" | "quantileweighted", [one, two], 1)
                if number(*one) && number(*two) && !distinct =>
            {
                (Kind::Quantile(level(parameters.first())?), *one)
            }
            ("quantileexactweighted" | "quantileweighted", [_, one, two], 0)
                if number(*one) && number(*two) && !distinct =>
            {
                (Kind::Quantile(level(args.first())?), *one)
            }
            (known, ..) if AGGREGATES.contains(&known) => {
                return Err(refused(format!("{name} does not take these arguments")));
            }
            _ => return Ok(Found::Other(args)),
        };
        let first = usize::from(matches!(kind, Kind::Quantile(_)) && parameters.is_empty());
        let args: Vec<Node> = args.into_iter().skip(first).map(|arg| arg.node).collect();
        if args.iter().any(has_aggregate) {
            return Err(refused(format!("{name}: an aggregate can't be of an aggregate")));
        }
        Ok(Found::Aggregate(Aggregate { kind, args, distinct, result }))
    }
}

const AGGREGATES: &[&str] = &[
    "count",
    "sum",
    "avg",
    "min",
    "max",
    "argmin",
    "argmax",
    "countif",
    "sumif",
    "avgif",
    "quantileexactweighted",
    "quantileweighted",
];

enum Found {
    Aggregate(Aggregate),
    /// No aggregate has this name.
    Other(Vec<Typed>),
}

pub(crate) fn has_aggregate(node: &Node) -> bool {
    matches!(node, Node::Aggregate(_)) || node.children().into_iter().any(has_aggregate)
}

fn literal(value: &Literal) -> Result<Typed> {
    Ok(match value {
        Literal::Number(digits, _) => match digits.parse::<i64>() {
            Ok(number) => {
                let node = Node::Constant(Value::Int(number));
                let kind = smallest(&node, Type::uint(64));
                Typed { node, kind }
            }
            Err(_) => {
                let number = digits.parse().map_err(|_| refused(format!("{digits} is no number")))?;
                constant(Value::Float(number), Type::Float)
            }
        },
        Literal::SingleQuotedString(text) => constant(Value::Text(text.as_str().into()), Type::Text),
        Literal::Boolean(value) => constant(Value::bool(*value), Type::BOOL),
        Literal::Null => return Err(unsupported("NULL, which no column has,")),
        other => return Err(unsupported(format!("the literal {}", shown(other)))),
    })
}

/// The least type that has this whole number, as ClickHouse gives literals theirs.
fn smallest(node: &Node, otherwise: Type) -> Type {
    let Node::Constant(Value::Int(number)) = node else { return otherwise };
    let Type::Int { signed, .. } = otherwise else { return otherwise };
    let size = number.unsigned_abs();
    let bits = [8, 16, 32].into_iter().find(|bits| size < 1 << (bits - u8::from(signed)));
    Type::Int { bits: bits.unwrap_or(64), signed }
}

fn unit(field: &DateTimeField) -> Result<Unit> {
    Ok(match field {
        DateTimeField::Second => Unit::Second,
        DateTimeField::Minute => Unit::Minute,
        DateTimeField::Hour => Unit::Hour,
        DateTimeField::Day => Unit::Day,
        DateTimeField::Month => Unit::Month,
        DateTimeField::Year => Unit::Year,
        other => return Err(unsupported(format!("the unit {other}"))),
    })
}

fn not(one: Typed) -> Result<Typed> {
    call("not", |args| Ok(Value::bool(!args[0].is_true())), [one], Type::BOOL)
}

fn binary(one: Typed, op: &BinaryOperator, two: Typed) -> Result<Typed> {
    use BinaryOperator as B;
    let wrong = |one: &Typed, two: &Typed| {
        refused(format!("{op} is not for values of the types {} and {}", one.kind.name(), two.kind.name()))
    };
    let numbers = one.kind.is_number() && two.kind.is_number();
    let whole = numbers && one.kind != Type::Float && two.kind != Type::Float;
    let (first, second) = (one.kind, two.kind);
    match op {
        B::And | B::Or if numbers => {
            let (one, two) = (Box::new(one.node), Box::new(two.node));
            let node = if *op == B::And { Node::And(one, two) } else { Node::Or(one, two) };
            Ok(Typed { node: node.folded()?, kind: Type::BOOL })
        }
        B::Plus if first.is_time() && second == Type::Interval => moved(one, two, 1),
        B::Plus if first == Type::Interval && second.is_time() => moved(two, one, 1),
        B::Minus if first.is_time() && second == Type::Interval => moved(one, two, -1),
        B::Minus if first.is_time() && second.is_time() => {
            call("subtract", number::subtract_int, [one, two], Type::Int { bits: 64, signed: true })
        }
        B::Plus | B::Minus if first.is_time() && matches!(second, Type::Int { .. }) => {
            // A time and so many seconds.
            let run = if *op == B::Plus { plus_seconds } else { minus_seconds };
            call(if *op == B::Plus { "plusSeconds" } else { "minusSeconds" }, run, [one, two], Type::Time)
        }
        B::Plus if whole => call("add", number::add_int, [one, two], first.wider(second, false)),
        B::Plus if numbers => call("addFloat", number::add_float, [one, two], Type::Float),
        B::Minus if whole => call("subtract", number::subtract_int, [one, two], first.wider(second, true)),
        B::Minus if numbers => call("subtractFloat", number::subtract_float, [one, two], Type::Float),
        B::Multiply if whole => call("multiply", number::multiply_int, [one, two], first.wider(second, false)),
        B::Multiply if numbers => call("multiplyFloat", number::multiply_float, [one, two], Type::Float),
        B::Divide if numbers => call("divide", number::divide, [one, two], Type::Float),
        B::Modulo if whole => call("modulo", number::modulo_int, [one, two], first.common(second).unwrap_or(first)),
        B::Modulo if numbers => call("moduloFloat", number::modulo_float, [one, two], Type::Float),
        B::Eq | B::NotEq | B::Lt | B::LtEq | B::Gt | B::GtEq => compare(one, op, two),
        B::Plus | B::Minus | B::Multiply | B::Divide | B::Modulo | B::And | B::Or => Err(wrong(&one, &two)),
        other => Err(unsupported(format!("the operator {other}"))),
    }
}

fn plus_seconds(args: &[Value]) -> Computed {
    args[0].int().checked_add(args[1].int()).map(Value::Time).ok_or_else(|| refused("the time is too far away"))
}

fn minus_seconds(args: &[Value]) -> Computed {
    args[0].int().checked_sub(args[1].int()).map(Value::Time).ok_or_else(|| refused("the time is too far away"))
}

fn moved(time: Typed, interval: Typed, times: i64) -> Result<Typed> {
    let run: fn(&[Value]) -> Computed = match times {
        1 => |args| time::add(args[0].int(), &args[1], 1),
        _ => |args| time::add(args[0].int(), &args[1], -1),
    };
    call(if times == 1 { "later" } else { "earlier" }, run, [time, interval], Type::Time)
}

/// `other` so that it can be compared with `one`.
fn comparable(one: &Typed, other: Typed) -> Result<Typed> {
    match (one.kind, other.kind) {
        (one, two) if one == two => Ok(other),
        (one, two) if one.is_number() && two.is_number() => Ok(other),
        (one, two) if one.is_time() && (two.is_time() || matches!(two, Type::Int { .. })) => Ok(other),
        (one, Type::Text) if one.is_time() && other.node.constant().is_some() => as_time(other),
        (Type::Int { .. }, two) if two.is_time() => Ok(other),
        (one, two) => Err(refused(format!("values of the types {} and {} can't be compared", one.name(), two.name()))),
    }
}

fn compare(one: Typed, op: &BinaryOperator, two: Typed) -> Result<Typed> {
    // A text beside a time is one, on either side.
    let one = if two.kind.is_time() && one.kind == Type::Text { comparable(&two, one)? } else { one };
    let two = comparable(&one, two)?;
    macro_rules! by {
        ($name:literal, $is:expr) => {
            call($name, |args| Ok(Value::bool(args[0].compare(&args[1]).is_some_and($is))), [one, two], Type::BOOL)
        };
    }
    match op {
        BinaryOperator::Eq => by!("equals", Ordering::is_eq),
        BinaryOperator::NotEq => {
            let equal = |args: &[Value]| Ok(Value::bool(args[0].compare(&args[1]) != Some(Ordering::Equal)));
            call("notEquals", equal, [one, two], Type::BOOL)
        }
        BinaryOperator::Lt => by!("less", Ordering::is_lt),
        BinaryOperator::LtEq => by!("lessOrEquals", Ordering::is_le),
        BinaryOperator::Gt => by!("greater", Ordering::is_gt),
        _ => by!("greaterOrEquals", Ordering::is_ge),
    }
}

/// Some of a text, for messages.
fn shown(what: &impl std::fmt::Display) -> String {
    let text = what.to_string();
    match text.char_indices().nth(100) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
