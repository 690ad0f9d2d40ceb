//! Functions by name: how many arguments each takes, of which types, and what it gives.
//! <https://developers.cloudflare.com/analytics/analytics-engine/sql-reference/>

use super::expression::{Node, Operation, Typed};
use super::number::{self, Result as Computed};
use super::value::{Type, Value};
use super::{format, refused, text, time, unsupported};
use crate::QueryError;

type Result<T> = std::result::Result<T, QueryError>;

/// An operation on typed arguments, computed now where that can be.
pub(crate) fn call(
    name: &'static str,
    run: fn(&[Value]) -> Computed,
    args: impl IntoIterator<Item = Typed>,
    kind: Type,
) -> Result<Typed> {
    let args = args.into_iter().map(|arg| arg.node).collect();
    Ok(Typed { node: Node::Call(Operation { name, run }, args).folded()?, kind })
}

pub(crate) fn constant(value: Value, kind: Type) -> Typed {
    Typed { node: Node::Constant(value), kind }
}

/// The function of this name with these arguments.
pub(crate) fn resolve(name: &str, mut args: Vec<Typed>, now: i64) -> Result<Typed> {
    let lower = name.to_ascii_lowercase();
    // The place of a time zone among the arguments, where one may be named.
    let zone = match lower.as_str() {
        "todatetime" => Some(1),
        "formatdatetime" | "tostartofinterval" => Some(2),
        _ => None,
    };
    if let Some(zone) = zone.filter(|zone| args.len() == zone + 1) {
        match args.remove(zone).node.constant() {
            Some(Value::Text(zone)) => time::check_zone(zone)?,
            _ => return Err(refused(format!("{name}: the time zone should be a text"))),
        }
    }
    let wrong = || refused(format!("{name} does not take these arguments"));
    let kinds: Vec<Type> = args.iter().map(|arg| arg.kind).collect();
    let uint = Type::uint;
    let (number, text_kind) = (Type::is_number, |kind: Type| kind == Type::Text);
    Ok(match (lower.as_str(), &kinds[..]) {
        ("now", []) => constant(Value::Time(now), Type::Time),
        ("today", []) => constant(Value::Time(now - now.rem_euclid(24 * 60 * 60)), Type::Date),
        ("if", [condition, one, two]) if number(*condition) => {
            let kind = one.common(*two).ok_or_else(|| refused("if: both results should have one type"))?;
            let parts: Vec<Node> = args.into_iter().map(|arg| arg.node).collect();
            let parts: [Node; 3] = parts.try_into().map_err(|_| wrong())?;
            Typed { node: Node::If(Box::new(parts)).folded()?, kind }
        }

        ("intdiv", [one, two]) if number(*one) && number(*two) => {
            let kind =
                if *one == Type::Float || *two == Type::Float { Type::Int { bits: 64, signed: true } } else { *one };
            call("intDiv", number::divide_whole, args, kind)?
        }
        ("log" | "ln", [one]) if number(*one) => call("log", number::log, args, Type::Float)?,
        ("pow" | "power", [one, two]) if number(*one) && number(*two) => call("pow", number::pow, args, Type::Float)?,
        ("round", [one] | [one, Type::Int { .. }]) if number(*one) => call("round", number::round, args, *one)?,
        ("floor", [one] | [one, Type::Int { .. }]) if number(*one) => call("floor", number::floor, args, *one)?,
        ("ceil" | "ceiling", [one] | [one, Type::Int { .. }]) if number(*one) => {
            call("ceil", number::ceil, args, *one)?
        }
        ("touint8", [one]) if number(*one) || text_kind(*one) => call("toUInt8", number::to_u8, args, uint(8))?,
        ("touint32", [one]) if number(*one) || text_kind(*one) || one.is_time() => {
            call("toUInt32", number::to_u32, args, uint(32))?
        }
        ("bitand", [Type::Int { .. }, Type::Int { .. }]) => call("bitAnd", number::bit_and, args, bits(&kinds))?,
        ("bitor", [Type::Int { .. }, Type::Int { .. }]) => call("bitOr", number::bit_or, args, bits(&kinds))?,
        ("bitxor", [Type::Int { .. }, Type::Int { .. }]) => call("bitXor", number::bit_xor, args, bits(&kinds))?,
        ("bitcount", [Type::Int { .. }]) => call("bitCount", number::bit_count, args, uint(8))?,
        ("bithammingdistance", [Type::Int { .. }, Type::Int { .. }]) => {
            call("bitHammingDistance", number::bit_distance, args, uint(8))?
        }
        ("bittest", [Type::Int { .. }, Type::Int { .. }]) => call("bitTest", number::bit_test, args, uint(8))?,

        ("length" | "lengthutf8", [Type::Text]) => call("length", text::length, args, uint(64))?,
        ("empty", [Type::Text]) => call("empty", text::empty, args, uint(8))?,
        ("lower", [Type::Text]) => call("lower", text::lower, args, Type::Text)?,
        ("lowerutf8" | "tolower", [Type::Text]) => call("lowerUTF8", text::lower_utf8, args, Type::Text)?,
        ("upper", [Type::Text]) => call("upper", text::upper, args, Type::Text)?,
        ("upperutf8" | "toupper", [Type::Text]) => call("upperUTF8", text::upper_utf8, args, Type::Text)?,
        ("startswith", [Type::Text, Type::Text]) => call("startsWith", text::starts_with, args, uint(8))?,
        ("endswith", [Type::Text, Type::Text]) => call("endsWith", text::ends_with, args, uint(8))?,
        ("position", [Type::Text, Type::Text]) => call("position", text::position, args, uint(64))?,
        ("substring", [Type::Text, Type::Int { .. }] | [Type::Text, Type::Int { .. }, Type::Int { .. }]) => {
            call("substring", text::substring, args, Type::Text)?
        }
        ("format", [Type::Text, ..]) => formatted(args)?,

        ("todatetime", [one]) if number(*one) || text_kind(*one) || one.is_time() => {
            call("toDateTime", to_time, args, Type::Time)?
        }
        ("tounixtimestamp", [one]) if one.is_time() => call("toUnixTimestamp", seconds, args, uint(32))?,
        ("formatdatetime", [one, Type::Text]) if one.is_time() => {
            call("formatDateTime", format_time, args, Type::Text)?
        }
        ("tostartofinterval", [one, Type::Interval]) if one.is_time() => {
            call("toStartOfInterval", |args| time::start_of(args[0].int(), &args[1]), args, Type::Time)?
        }
        ("tostartofweek", [one]) if one.is_time() => {
            call("toStartOfWeek", |args| Ok(time::start_of_week(args[0].int())), args, Type::Time)?
        }
        (part, [one]) if one.is_time() => {
            of_time(part, args).ok_or_else(|| unsupported(format!("the function {name}")))??
        }
        (known, _) if NAMES.contains(&known) => return Err(wrong()),
        _ => return Err(unsupported(format!("the function {name}"))),
    })
}

/// Those above, in lower case: to tell what is unknown from what is used wrongly.
const NAMES: &[&str] = &[
    "now",
    "today",
    "if",
    "intdiv",
    "log",
    "ln",
    "pow",
    "power",
    "round",
    "floor",
    "ceil",
    "ceiling",
    "touint8",
    "touint32",
    "bitand",
    "bitor",
    "bitxor",
    "bitcount",
    "bithammingdistance",
    "bittest",
    "length",
    "lengthutf8",
    "empty",
    "lower",
    "lowerutf8",
    "tolower",
    "upper",
    "upperutf8",
    "toupper",
    "startswith",
    "endswith",
    "position",
    "substring",
    "format",
    "todatetime",
    "tounixtimestamp",
    "formatdatetime",
    "tostartofinterval",
    "tostartofweek",
    "toyear",
    "tomonth",
    "todayofmonth",
    "todayofweek",
    "tohour",
    "tominute",
    "tosecond",
    "toyyyymm",
    "tostartofyear",
    "tostartofmonth",
    "tostartofday",
    "tostartofhour",
    "tostartoffifteenminutes",
    "tostartoftenminutes",
    "tostartoffiveminutes",
    "tostartofminute",
];

fn bits(kinds: &[Type]) -> Type {
    kinds[0].common(kinds[1]).unwrap_or(Type::uint(64))
}

/// A part of a time, or the beginning of one of its parts.
fn of_time(name: &str, args: Vec<Typed>) -> Option<Result<Typed>> {
    macro_rules! part {
        ($name:literal, $of:ident, $bits:literal) => {
            call($name, |args| time::part(args[0].int(), time::$of), args, Type::uint($bits))
        };
    }
    macro_rules! start {
        ($name:literal, $unit:ident, $count:literal) => {
            call($name, |args| time::start_of(args[0].int(), &time::Unit::$unit.interval($count)?), args, Type::Time)
        };
    }
    Some(match name {
        "toyear" => part!("toYear", year, 16),
        "tomonth" => part!("toMonth", month, 8),
        "todayofmonth" => part!("toDayOfMonth", day_of_month, 8),
        "todayofweek" => part!("toDayOfWeek", day_of_week, 8),
        "tohour" => part!("toHour", hour, 8),
        "tominute" => part!("toMinute", minute, 8),
        "tosecond" => part!("toSecond", second, 8),
        "toyyyymm" => part!("toYYYYMM", year_and_month, 32),
        "tostartofyear" => start!("toStartOfYear", Year, 1),
        "tostartofmonth" => start!("toStartOfMonth", Month, 1),
        "tostartofday" => start!("toStartOfDay", Day, 1),
        "tostartofhour" => start!("toStartOfHour", Hour, 1),
        "tostartoffifteenminutes" => start!("toStartOfFifteenMinutes", Minute, 15),
        "tostartoftenminutes" => start!("toStartOfTenMinutes", Minute, 10),
        "tostartoffiveminutes" => start!("toStartOfFiveMinutes", Minute, 5),
        "tostartofminute" => start!("toStartOfMinute", Minute, 1),
        _ => return None,
    })
}

fn to_time(args: &[Value]) -> Computed {
    Ok(Value::Time(match &args[0] {
        Value::Text(text) => time::parse(text)?,
        value => value.int(),
    }))
}

/// The same, for what a time is compared with.
pub(crate) fn as_time(value: Typed) -> Result<Typed> {
    call("toDateTime", to_time, [value], Type::Time)
}

fn seconds(args: &[Value]) -> Computed {
    Ok(Value::Int(args[0].int()))
}

fn format_time(args: &[Value]) -> Computed {
    Ok(Value::Text(time::format(args[0].int(), args[1].text())?.into()))
}

/// `format('{} of {}', a, b)`: each argument's text takes the place of a pair of braces.
fn formatted(args: Vec<Typed>) -> Result<Typed> {
    let mut args = args.into_iter();
    let pattern = args.next().and_then(|pattern| pattern.node.constant().map(|pattern| pattern.text().to_owned()));
    let pattern =
        pattern.ok_or_else(|| refused("format: the first argument should be a text that is the same for all rows"))?;
    let pieces: Vec<&str> = pattern.split("{}").collect();
    if pieces.len() != args.len() + 1 || pieces.iter().any(|piece| piece.contains(['{', '}'])) {
        return Err(refused(
            "format: the text should have a pair of braces, {}, for each further argument, and no others",
        ));
    }
    let mut made = constant(Value::Text(pieces[0].into()), Type::Text);
    for (arg, piece) in args.zip(&pieces[1..]) {
        let arg = match arg.kind {
            Type::Text => arg,
            Type::Date => {
                call("dateText", |args| Ok(Value::Text(format::plain(&args[0], Type::Date).into())), [arg], Type::Text)?
            }
            _ => call("text", |args| Ok(Value::Text(format::plain(&args[0], Type::Time).into())), [arg], Type::Text)?,
        };
        let piece = constant(Value::Text((*piece).into()), Type::Text);
        made = call("concatenation", concatenated, [made, arg, piece], Type::Text)?;
    }
    Ok(made)
}

fn concatenated(args: &[Value]) -> Computed {
    let text: String = args.iter().map(Value::text).collect();
    Ok(Value::Text(text.into()))
}
