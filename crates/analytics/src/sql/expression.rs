//! What is computed for a row, or for a group of rows.

use super::number::Result;
use super::value::{Type, Value};

/// A function that takes all of its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    /// With its arguments the same, an operation of the same name is the same.
    pub(crate) name: &'static str,
    pub(crate) run: fn(&[Value]) -> Result,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    Constant(Value),
    /// Of the source, by its place among those that are read.
    Column(usize),
    Call(Operation, Vec<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    If(Box<[Self; 3]>),
    In(Box<Self>, Vec<Self>),
    /// An aggregate of the group, by its place among the query's.
    Aggregate(usize),
    /// What the group is made by, by its place in GROUP BY.
    Group(usize),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Typed {
    pub(crate) node: Node,
    pub(crate) kind: Type,
}

/// What a node is computed of.
pub(crate) struct Scope<'r> {
    pub(crate) columns: &'r [Value],
    pub(crate) aggregates: &'r [Value],
    pub(crate) groups: &'r [Value],
}

// === impl Node ===

impl Node {
    pub(crate) fn value(&self, scope: &Scope<'_>) -> Result {
        let of = |values: &[Value], at: usize| values.get(at).cloned().unwrap_or(Value::Int(0));
        Ok(match self {
            Self::Constant(value) => value.clone(),
            Self::Column(at) => of(scope.columns, *at),
            Self::Aggregate(at) => of(scope.aggregates, *at),
            Self::Group(at) => of(scope.groups, *at),
            Self::Call(operation, args) => {
                let args = args.iter().map(|arg| arg.value(scope)).collect::<std::result::Result<Vec<_>, _>>()?;
                (operation.run)(&args)?
            }
            Self::And(one, two) => Value::bool(one.value(scope)?.is_true() && two.value(scope)?.is_true()),
            Self::Or(one, two) => Value::bool(one.value(scope)?.is_true() || two.value(scope)?.is_true()),
            Self::If(parts) => {
                let [condition, then, otherwise] = &**parts;
                if condition.value(scope)?.is_true() { then.value(scope)? } else { otherwise.value(scope)? }
            }
            Self::In(one, list) => {
                let value = one.value(scope)?;
                for item in list {
                    if value.compare(&item.value(scope)?) == Some(std::cmp::Ordering::Equal) {
                        return Ok(Value::bool(true));
                    }
                }
                Value::bool(false)
            }
        })
    }

    /// The value, where it is the same for every row.
    pub(crate) fn constant(&self) -> Option<&Value> {
        match self {
            Self::Constant(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn children(&self) -> Vec<&Self> {
        match self {
            Self::Constant(_) | Self::Column(_) | Self::Aggregate(_) | Self::Group(_) => Vec::new(),
            Self::Call(_, args) => args.iter().collect(),
            Self::And(one, two) | Self::Or(one, two) => vec![&**one, &**two],
            Self::If(parts) => parts.iter().collect(),
            Self::In(one, list) => std::iter::once(&**one).chain(list).collect(),
        }
    }

    fn children_mut(&mut self) -> Vec<&mut Self> {
        match self {
            Self::Constant(_) | Self::Column(_) | Self::Aggregate(_) | Self::Group(_) => Vec::new(),
            Self::Call(_, args) => args.iter_mut().collect(),
            Self::And(one, two) | Self::Or(one, two) => vec![&mut **one, &mut **two],
            Self::If(parts) => parts.iter_mut().collect(),
            Self::In(one, list) => std::iter::once(&mut **one).chain(list).collect(),
        }
    }

    /// Changes it and what it is made of, from above; `change` says whether to go on below.
    pub(crate) fn rewrite(&mut self, change: &mut impl FnMut(&mut Self) -> bool) {
        if change(self) {
            for child in self.children_mut() {
                child.rewrite(change);
            }
        }
    }

    /// Computed now, where all that it needs is known.
    pub(crate) fn folded(self) -> std::result::Result<Self, crate::QueryError> {
        let is_known = !matches!(self, Self::Column(_) | Self::Aggregate(_) | Self::Group(_))
            && self.children().iter().all(|child| child.constant().is_some());
        match is_known {
            true => Ok(Self::Constant(self.value(&Scope { columns: &[], aggregates: &[], groups: &[] })?)),
            false => Ok(self),
        }
    }
}

impl PartialEq for Operation {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl std::fmt::Debug for Operation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}
