//! Carries a plan out, within its bounds.

use std::collections::HashMap;
use std::ops::ControlFlow;

use store::sqlite::Database;

use super::Bounds;
use super::aggregate::{Gathered, spend};
use super::expression::{Node, Scope};
use super::format::Table;
use super::plan::{Plan, Source};
use super::value::Value;
use crate::QueryError;
use crate::rows;

type Result<T> = std::result::Result<T, QueryError>;
type Row = Vec<Value>;
/// What a row is sorted by, and the row.
type Sorted = (Vec<Value>, Row);

pub(crate) fn execute(database: Option<&Database>, plan: &Plan, bounds: Bounds) -> Result<Table> {
    let mut left = bounds.memory;
    let rows = run(database, plan, &bounds, &mut left)?;
    let columns = plan.outputs.iter().map(|(name, output)| (name.clone(), output.kind)).collect();
    Ok(Table { columns, rows })
}

/// `left`: bytes that may still be used.
fn run(database: Option<&Database>, plan: &Plan, bounds: &Bounds, left: &mut usize) -> Result<Vec<Row>> {
    let mut sorted =
        if plan.is_grouped { grouped(database, plan, bounds, left)? } else { plain(database, plan, bounds, left)? };
    if !plan.order.is_empty() {
        sorted.sort_by(|(one, _), (two, _)| {
            let keys = one.iter().zip(two).zip(&plan.order);
            let compared =
                keys.map(|((one, two), (_, descending))| if *descending { two.order(one) } else { one.order(two) });
            compared.into_iter().find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
        });
        bounds.check_time()?;
    }
    let rows = sorted.into_iter().skip(plan.offset).map(|(_, row)| row);
    Ok(match plan.limit {
        Some(limit) => rows.take(limit).collect(),
        None => rows.collect(),
    })
}

/// A row for each row of the source.
fn plain(database: Option<&Database>, plan: &Plan, bounds: &Bounds, left: &mut usize) -> Result<Vec<Sorted>> {
    let mut made = Vec::new();
    // Without an order, the first ones do.
    let enough = plan.limit.filter(|_| plan.order.is_empty()).map(|limit| limit.saturating_add(plan.offset));
    if enough == Some(0) {
        return Ok(made);
    }
    each(database, plan, bounds, left, &mut |columns, left| {
        let scope = Scope { columns, aggregates: &[], groups: &[] };
        made.push(row(plan, &scope, left)?);
        Ok(if enough.is_some_and(|enough| made.len() >= enough) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        })
    })?;
    Ok(made)
}

/// A row for each group of rows.
fn grouped(database: Option<&Database>, plan: &Plan, bounds: &Bounds, left: &mut usize) -> Result<Vec<Sorted>> {
    let new = || plan.aggregates.iter().map(|_| Gathered::default()).collect::<Vec<_>>();
    let mut places: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut groups: Vec<(Vec<Value>, Vec<Gathered>)> = Vec::new();
    if plan.groups.is_empty() {
        // There is one, whether there are rows or not.
        places.insert(Vec::new(), 0);
        groups.push((Vec::new(), new()));
    }
    each(database, plan, bounds, left, &mut |columns, left| {
        let scope = Scope { columns, aggregates: &[], groups: &[] };
        let values = values(&plan.groups, &scope)?;
        let mut key = Vec::new();
        values.iter().for_each(|value| value.key(&mut key));
        let place = match places.get(&key) {
            Some(place) => *place,
            None => {
                let weight =
                    values.iter().map(Value::weight).sum::<usize>() + key.len() + 256 * (1 + plan.aggregates.len());
                spend(left, weight)?;
                places.insert(key, groups.len());
                groups.push((values, new()));
                groups.len() - 1
            }
        };
        for (aggregate, gathered) in plan.aggregates.iter().zip(&mut groups[place].1) {
            let args = self::values(&aggregate.args, &scope)?;
            aggregate.take(gathered, &args, left)?;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let mut made = Vec::new();
    for (values, gathered) in groups {
        bounds.check_time()?;
        let results = plan.aggregates.iter().zip(gathered).map(|(aggregate, gathered)| aggregate.result(gathered));
        let aggregates = results.collect::<Result<Vec<_>>>()?;
        let scope = Scope { columns: &[], aggregates: &aggregates, groups: &values };
        let is_wanted = match &plan.having {
            Some(having) => having.value(&scope)?.is_true(),
            None => true,
        };
        if is_wanted {
            made.push(row(plan, &scope, left)?);
        }
    }
    Ok(made)
}

fn values(nodes: &[Node], scope: &Scope<'_>) -> Result<Vec<Value>> {
    nodes.iter().map(|node| node.value(scope)).collect()
}

fn row(plan: &Plan, scope: &Scope<'_>, left: &mut usize) -> Result<Sorted> {
    let outputs: Row = plan.outputs.iter().map(|(_, output)| output.node.value(scope)).collect::<Result<_>>()?;
    let keys: Vec<Value> = plan.order.iter().map(|(key, _)| key.value(scope)).collect::<Result<_>>()?;
    // Each is written out, too, in the end.
    let weight = outputs.iter().chain(&keys).map(Value::weight).sum::<usize>() * 2 + 64;
    spend(left, weight)?;
    Ok((keys, outputs))
}

type Each<'e> = &'e mut dyn FnMut(&[Value], &mut usize) -> Result<ControlFlow<()>>;

/// Gives `then` the rows of the source that the filter lets through.
fn each(database: Option<&Database>, plan: &Plan, bounds: &Bounds, left: &mut usize, then: Each<'_>) -> Result<()> {
    let mut take = |columns: &[Value], left: &mut usize| {
        bounds.check_time()?;
        let scope = Scope { columns, aggregates: &[], groups: &[] };
        match &plan.filter {
            Some(filter) if !filter.value(&scope)?.is_true() => Ok(ControlFlow::Continue(())),
            _ => then(columns, left),
        }
    };
    match &plan.source {
        Source::Nothing => take(&[], left).map(drop),
        Source::Query(inner, read) => {
            for row in run(database, inner, bounds, left)? {
                let columns: Vec<Value> = read.iter().filter_map(|at| row.get(*at).cloned()).collect();
                if take(&columns, left)?.is_break() {
                    break;
                }
            }
            Ok(())
        }
        Source::Points(wanted) => match database {
            Some(database) => {
                database.read(|connection| rows::scan(connection, wanted, &mut |columns| take(&columns, left)))
            }
            None => Ok(()),
        },
    }
}
