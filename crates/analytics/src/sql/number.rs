//! Arithmetic. Whole numbers stay whole until they are divided; one that grows past 64 bits is an error.

use super::refused;
use super::value::Value;
use crate::QueryError;

pub(crate) type Result = std::result::Result<Value, QueryError>;

fn checked(number: Option<i64>) -> Result {
    number.map(Value::Int).ok_or_else(|| refused("a whole number has grown past 64 bits"))
}

pub(crate) fn add_int(args: &[Value]) -> Result {
    checked(args[0].int().checked_add(args[1].int()))
}

pub(crate) fn add_float(args: &[Value]) -> Result {
    Ok(Value::Float(args[0].float() + args[1].float()))
}

pub(crate) fn subtract_int(args: &[Value]) -> Result {
    checked(args[0].int().checked_sub(args[1].int()))
}

pub(crate) fn subtract_float(args: &[Value]) -> Result {
    Ok(Value::Float(args[0].float() - args[1].float()))
}

pub(crate) fn multiply_int(args: &[Value]) -> Result {
    checked(args[0].int().checked_mul(args[1].int()))
}

pub(crate) fn multiply_float(args: &[Value]) -> Result {
    Ok(Value::Float(args[0].float() * args[1].float()))
}

pub(crate) fn divide(args: &[Value]) -> Result {
    Ok(Value::Float(args[0].float() / args[1].float()))
}

pub(crate) fn modulo_int(args: &[Value]) -> Result {
    args[0].int().checked_rem(args[1].int()).map(Value::Int).ok_or_else(by_zero)
}

pub(crate) fn modulo_float(args: &[Value]) -> Result {
    Ok(Value::Float(args[0].float() % args[1].float()))
}

/// Rounds down.
pub(crate) fn divide_whole(args: &[Value]) -> Result {
    if let (Value::Int(one), Value::Int(two)) = (&args[0], &args[1]) {
        let (quotient, rest) = (one.checked_div(*two), one.checked_rem(*two));
        let (quotient, rest) = quotient.zip(rest).ok_or_else(by_zero)?;
        return Ok(Value::Int(if rest != 0 && (rest < 0) != (*two < 0) { quotient - 1 } else { quotient }));
    }
    match (args[0].float() / args[1].float()).floor() {
        quotient if quotient.is_finite() => Ok(Value::Int(quotient as i64)),
        _ => Err(by_zero()),
    }
}

fn by_zero() -> QueryError {
    refused("a number is divided by zero")
}

pub(crate) fn negate_int(args: &[Value]) -> Result {
    checked(args[0].int().checked_neg())
}

pub(crate) fn negate_float(args: &[Value]) -> Result {
    Ok(Value::Float(-args[0].float()))
}

pub(crate) fn log(args: &[Value]) -> Result {
    Ok(Value::Float(args[0].float().ln()))
}

pub(crate) fn pow(args: &[Value]) -> Result {
    Ok(Value::Float(args[0].float().powf(args[1].float())))
}

/// With a number of decimal places, or none.
fn rounded(args: &[Value], round: fn(f64) -> f64) -> Result {
    let number = args[0].float();
    let scale = args.get(1).map_or(0, Value::int).clamp(-300, 300);
    let factor = 10_f64.powi(scale as i32);
    let scaled = number * factor;
    let result = if scaled.is_finite() { round(scaled) / factor } else { number };
    Ok(match &args[0] {
        Value::Int(_) => Value::Int(result as i64),
        _ => Value::Float(result),
    })
}

/// Halves go to the even neighbour, as in ClickHouse.
pub(crate) fn round(args: &[Value]) -> Result {
    rounded(args, f64::round_ties_even)
}

pub(crate) fn floor(args: &[Value]) -> Result {
    rounded(args, f64::floor)
}

pub(crate) fn ceil(args: &[Value]) -> Result {
    rounded(args, f64::ceil)
}

/// A number, or the text of one, in so many bits without a sign.
pub(crate) fn to_u8(args: &[Value]) -> Result {
    Ok(Value::Int(whole(&args[0])? & 0xff))
}

pub(crate) fn to_u32(args: &[Value]) -> Result {
    Ok(Value::Int(whole(&args[0])? & 0xffff_ffff))
}

fn whole(value: &Value) -> std::result::Result<i64, QueryError> {
    match value {
        Value::Text(text) => text.trim().parse().map_err(|_| refused(format!("{text:?} is no whole number"))),
        value => Ok(value.int()),
    }
}

pub(crate) fn bit_and(args: &[Value]) -> Result {
    Ok(Value::Int(args[0].int() & args[1].int()))
}

pub(crate) fn bit_or(args: &[Value]) -> Result {
    Ok(Value::Int(args[0].int() | args[1].int()))
}

pub(crate) fn bit_xor(args: &[Value]) -> Result {
    Ok(Value::Int(args[0].int() ^ args[1].int()))
}

pub(crate) fn bit_count(args: &[Value]) -> Result {
    Ok(Value::Int(i64::from(args[0].int().count_ones())))
}

pub(crate) fn bit_distance(args: &[Value]) -> Result {
    Ok(Value::Int(i64::from((args[0].int() ^ args[1].int()).count_ones())))
}

pub(crate) fn bit_test(args: &[Value]) -> Result {
    let place = args[1].int();
    Ok(Value::bool((0..64).contains(&place) && args[0].int() >> place & 1 == 1))
}
