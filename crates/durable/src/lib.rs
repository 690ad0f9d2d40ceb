//! Durable Objects without their code: ids, the storage of one object, when it is durable, and when its alarm is due.
//! Nothing here knows about JavaScript or HTTP; one object's storage is used by one instance at a time.

mod alarms;
mod bookmark;
mod classes;
mod database;
mod durability;
mod files;
mod history;
mod id;
mod namespace;
mod restore;
mod room;
mod seal;
mod sql;
mod storage;

pub use alarms::Alarms;
pub use bookmark::Bookmark;
pub use classes::{Classes, Migration, MigrationError};
pub use durability::Durability;
pub use id::{IdError, Jurisdiction, ObjectId};
pub use namespace::Namespace;
pub use sql::Rows;
pub use storage::{Error, List, Storage};
pub use store::quota::Quota;
pub use store::sql::Value;
