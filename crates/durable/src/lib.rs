//! Durable Objects without their code: ids, the storage of one object, when it is durable, and when its alarm is due.
//! Nothing here knows about JavaScript or HTTP; one object's storage is used by one instance at a time.

mod alarms;
mod id;
mod namespace;
mod sql;
mod storage;

pub use alarms::Alarms;
pub use id::{IdError, ObjectId};
pub use namespace::Namespace;
pub use sql::{Rows, Value};
pub use storage::{Durability, Error, List, Storage};
