//! The wrangler configuration, key by key: the same keys, names and types as wrangler's own JSON schema.
//!
//! A struct here is both the public type and the rule its table is read by: a field that is not an `Option`, list or
//! map is required, and a key without a field is unknown.

pub mod bindings;
pub mod build;
pub mod containers;
pub mod deploy;
pub mod dev;
pub mod durable;
mod environment;
#[cfg(test)]
mod tests;
pub mod vars;

pub use environment::{Environment, Previews, TopLevel};
pub(crate) use environment::{WranglerFile, binding_names, top_level_keys};

/// Declares a struct whose keys are read from a table. `field = "key"` renames; `check path` adds a rule across fields.
macro_rules! record {
    (
        $(#[$meta:meta])*
        $visibility:vis struct $name:ident {
            $( $(#[$field_meta:meta])* $field:ident $(= $key:literal)? : $type:ty ),* $(,)?
        }
        $(check $check:path;)?
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq)]
        $visibility struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $crate::read::Read for $name {
            fn read(
                value: &$crate::value::Value,
                reader: &mut $crate::read::Reader<'_>,
            ) -> Option<Self> {
                let mut fields = $crate::read::Fields::of(value, reader)?;
                $( let $field = fields.take::<$type>($crate::schema::key!($field $($key)?), reader); )*
                fields.finish(reader);
                let record = Self { $( $field: $field?, )* };
                $( $check(&record, value, reader); )?
                Some(record)
            }
        }
    };
}

/// Declares an enum that is written as one of a few strings.
macro_rules! choice {
    (
        $(#[$meta:meta])*
        pub enum $name:ident {
            $( $(#[$variant_meta:meta])* $variant:ident = $text:literal ),* $(,)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $name {
            $( $(#[$variant_meta])* $variant, )*
        }

        impl $name {
            /// As written in the configuration.
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $text, )* }
            }
        }

        impl $crate::read::Read for $name {
            fn read(
                value: &$crate::value::Value,
                reader: &mut $crate::read::Reader<'_>,
            ) -> Option<Self> {
                let text = <String as $crate::read::Read>::read(value, reader)?;
                match text.as_str() {
                    $( $text => Some(Self::$variant), )*
                    other => {
                        reader.not_a_choice(value, other, &[$( $text ),*]);
                        None
                    }
                }
            }
        }
    };
}

macro_rules! key {
    ($field:ident $key:literal) => {
        $key
    };
    ($field:ident) => {
        stringify!($field)
    };
}

pub(crate) use {choice, key, record};
