//! Durable Objects and Workflows: classes whose instances outlive a request.

use super::deploy::Jurisdiction;
use super::{choice, record};
use crate::read::{Read, Reader};
use crate::schema::build::OneOrMany;
use crate::value::{Kind, Value};

record! {
    pub struct DurableObjects {
        bindings: Vec<DurableObjectBinding>,
        code_update_strategy: Option<CodeUpdateStrategy>,
    }
}

record! {
    pub struct DurableObjectBinding {
        name: String,
        class_name: String,
        script_name: Option<String>,
        environment: Option<String>,
    }
}

record! {
    pub struct CodeUpdateStrategy {
        mode: CodeUpdateMode,
        max_delay: Option<f64>,
    }
}

choice! {
    pub enum CodeUpdateMode {
        Immediate = "immediate",
        Deferred = "deferred",
    }
}

record! {
    pub struct Migration {
        tag: Tag,
        new_classes: Option<Vec<String>>,
        new_sqlite_classes: Option<Vec<String>>,
        renamed_classes: Option<Vec<RenamedClass>>,
        deleted_classes: Option<Vec<String>>,
        transferred_classes: Option<Vec<TransferredClass>>,
    }
}

/// A migration's tag, with its place in the file: what was applied is told by it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tag {
    pub text: String,
    /// From 1.
    pub line: usize,
}

impl Read for Tag {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        let text = String::read(value, reader)?;
        Some(Self { text, line: reader.source.line(value.span.start) })
    }
}

record! {
    pub struct RenamedClass {
        from: String,
        to: String,
    }
}

record! {
    pub struct TransferredClass {
        from: String,
        from_script: String,
        to: String,
    }
}

record! {
    /// An entry of `exports`: the newer, declarative form of `migrations`, and settings of entrypoints.
    pub struct Export {
        kind = "type": ExportType,
        state: Option<ExportState>,
        storage: Option<ExportStorage>,
        container: Option<String>,
        jurisdiction: Option<Jurisdiction>,
        renamed_to: Option<String>,
        transferred_to: Option<String>,
        transfer_from: Option<String>,
        cache: Option<ExportCache>,
        name: Option<String>,
        limits: Option<WorkflowLimits>,
        concurrency: Option<WorkflowConcurrency>,
        schedules: Option<OneOrMany>,
        default_retention: Option<WorkflowRetention>,
    }
    check export_is_complete;
}

choice! {
    pub enum ExportType {
        DurableObject = "durable-object",
        Worker = "worker",
        Workflow = "workflow",
    }
}

choice! {
    pub enum ExportState {
        Created = "created",
        Deleted = "deleted",
        Renamed = "renamed",
        Transferred = "transferred",
        ExpectingTransfer = "expecting-transfer",
    }
}

choice! {
    pub enum ExportStorage {
        Sqlite = "sqlite",
        LegacyKv = "legacy-kv",
    }
}

record! {
    pub struct ExportCache {
        enabled: bool,
    }
}

fn export_is_complete(export: &Export, value: &Value, reader: &mut Reader<'_>) {
    let missing = match (export.kind, export.state.unwrap_or(ExportState::Created)) {
        (ExportType::DurableObject, ExportState::Created | ExportState::ExpectingTransfer)
            if export.storage.is_none() =>
        {
            "storage"
        }
        (ExportType::DurableObject, ExportState::ExpectingTransfer) if export.transfer_from.is_none() => {
            "transfer_from"
        }
        (ExportType::DurableObject, ExportState::Renamed) if export.renamed_to.is_none() => "renamed_to",
        (ExportType::DurableObject, ExportState::Transferred) if export.transferred_to.is_none() => "transferred_to",
        (ExportType::Workflow, _) if export.name.is_none() => "name",
        _ => return,
    };
    let message = format!("the key `{missing}` of `{}` is required but missing", reader.here());
    reader.problem(&value.span, message);
}

record! {
    pub struct Workflow {
        binding: String,
        name: String,
        class_name: String,
        script_name: Option<String>,
        remote: Option<bool>,
        jurisdiction: Option<Jurisdiction>,
        limits: Option<WorkflowLimits>,
        concurrency: Option<WorkflowConcurrency>,
        schedules: Option<OneOrMany>,
        default_retention: Option<WorkflowRetention>,
    }
}

record! {
    pub struct WorkflowLimits {
        steps: Option<u32>,
    }
}

record! {
    pub struct WorkflowConcurrency {
        limit: Option<u32>,
    }
}

record! {
    pub struct WorkflowRetention {
        success_retention: Option<Retention>,
        error_retention: Option<Retention>,
    }
}

/// Milliseconds, or words such as "3 days".
#[derive(Clone, Debug, PartialEq)]
pub enum Retention {
    Milliseconds(f64),
    Words(String),
}

impl Read for Retention {
    fn read(value: &Value, reader: &mut Reader<'_>) -> Option<Self> {
        match &value.kind {
            Kind::String(words) => Some(Self::Words(words.clone())),
            Kind::Integer(number) => Some(Self::Milliseconds(*number as f64)),
            Kind::Float(number) => Some(Self::Milliseconds(*number)),
            _ => {
                reader.expected(value, "a number of milliseconds or a duration such as \"3 days\"");
                None
            }
        }
    }
}
