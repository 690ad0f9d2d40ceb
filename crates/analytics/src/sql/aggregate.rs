//! Aggregates: what is gathered of the rows of a group.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::expression::Node;
use super::value::{Type, Value};
use super::{Bounds, refused};
use crate::QueryError;

/// One that a query asks for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Aggregate {
    pub(crate) kind: Kind,
    /// What is looked at of each row.
    pub(crate) args: Vec<Node>,
    pub(crate) distinct: bool,
    pub(crate) result: Type,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    Count,
    Sum,
    Average,
    Min,
    Max,
    /// The first argument where the second is least, or greatest.
    ArgMin,
    ArgMax,
    /// Rows for which the last argument is true; the kind says of what.
    CountIf,
    SumIf,
    AverageIf,
    /// At this level, with the second argument as weight.
    Quantile(f64),
}

/// What has been gathered so far.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    count: u64,
    sum: f64,
    whole: i128,
    best: Option<(Value, Value)>,
    seen: HashSet<Vec<u8>>,
    weights: HashMap<Vec<u8>, (Value, f64)>,
}

// === impl Aggregate ===

impl Aggregate {
    /// Takes one row's values. `left`: bytes that may still be used.
    pub(crate) fn take(&self, gathered: &mut Gathered, args: &[Value], left: &mut usize) -> Result<(), QueryError> {
        if self.distinct {
            let mut key = Vec::new();
            args.iter().for_each(|arg| arg.key(&mut key));
            let weight = key.len() + 64;
            if !gathered.seen.insert(key) {
                return Ok(());
            }
            spend(left, weight)?;
        }
        match self.kind {
            Kind::Count => gathered.count += 1,
            Kind::CountIf => gathered.count += u64::from(args[0].is_true()),
            Kind::Sum | Kind::Average => gathered.add(&args[0]),
            Kind::SumIf | Kind::AverageIf => {
                if args[1].is_true() {
                    gathered.add(&args[0]);
                }
            }
            Kind::Min | Kind::ArgMin => gathered.keep(args, Ordering::Less),
            Kind::Max | Kind::ArgMax => gathered.keep(args, Ordering::Greater),
            Kind::Quantile(_) => {
                let mut key = Vec::new();
                args[0].key(&mut key);
                if !gathered.weights.contains_key(&key) {
                    spend(left, key.len() + args[0].weight() + 96)?;
                }
                gathered.weights.entry(key).or_insert_with(|| (args[0].clone(), 0.0)).1 += args[1].float().max(0.0);
            }
        }
        Ok(())
    }

    pub(crate) fn result(&self, gathered: Gathered) -> Result<Value, QueryError> {
        Ok(match self.kind {
            Kind::Count | Kind::CountIf => Value::Int(gathered.count as i64),
            Kind::Sum | Kind::SumIf if self.result == Type::Float => Value::Float(gathered.sum),
            Kind::Sum | Kind::SumIf => {
                let sum = i64::try_from(gathered.whole);
                Value::Int(sum.map_err(|_| refused("a sum has grown past 64 bits"))?)
            }
            Kind::Average | Kind::AverageIf => Value::Float(gathered.sum / gathered.count as f64),
            Kind::Min | Kind::Max | Kind::ArgMin | Kind::ArgMax => match gathered.best {
                Some((value, _)) => value,
                None => nothing(self.result),
            },
            Kind::Quantile(level) => gathered.quantile(level).unwrap_or_else(|| match self.result {
                Type::Float => Value::Float(f64::NAN),
                other => nothing(other),
            }),
        })
    }
}

/// What an aggregate of no rows is.
fn nothing(kind: Type) -> Value {
    match kind {
        Type::Text => Value::Text("".into()),
        Type::Float => Value::Float(0.0),
        Type::Time | Type::Date => Value::Time(0),
        _ => Value::Int(0),
    }
}

pub(crate) fn spend(left: &mut usize, bytes: usize) -> Result<(), QueryError> {
    *left = left.checked_sub(bytes).ok_or(QueryError::Memory)?;
    Ok(())
}

impl Bounds {
    pub(crate) fn check_time(&self) -> Result<(), QueryError> {
        if std::time::Instant::now() > self.deadline { Err(QueryError::Time) } else { Ok(()) }
    }
}

// === impl Gathered ===

impl Gathered {
    fn add(&mut self, value: &Value) {
        self.count += 1;
        self.sum += value.float();
        self.whole += i128::from(value.int());
    }

    /// Keeps the first value where the last one compares so with what was kept before.
    fn keep(&mut self, args: &[Value], wanted: Ordering) {
        let Some(by) = args.last() else { return };
        if self.best.as_ref().is_none_or(|(_, best)| by.compare(best) == Some(wanted)) {
            self.best = Some((args[0].clone(), by.clone()));
        }
    }

    fn quantile(self, level: f64) -> Option<Value> {
        let mut values: Vec<(Value, f64)> = self.weights.into_values().collect();
        values.sort_by(|(one, _), (two, _)| one.order(two));
        let total: f64 = values.iter().map(|(_, weight)| weight).sum();
        let threshold = (total * level).ceil();
        let mut before = 0.0;
        for (value, weight) in &values {
            before += weight;
            if before >= threshold {
                return Some(value.clone());
            }
        }
        values.pop().map(|(value, _)| value)
    }
}
