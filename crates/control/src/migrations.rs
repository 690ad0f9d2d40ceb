//! Durable Object migrations in an upload: what they make of a Worker's classes.
//! <https://developers.cloudflare.com/durable-objects/reference/durable-objects-migrations/>

use std::collections::BTreeMap;

use durable::{Migration, MigrationError};
use registry::{Binding, BindingKind, Registry, Script};
use serde::Deserialize;
use serde_json::Value;

use crate::Control;
use crate::envelope::ApiError;

/// UTF-8 bytes of a class's name, and of a migration's tag.
const MAX_NAME: usize = 255;

/// The migrations since `old_tag`. wrangler puts each into a step; a single one may stand by itself.
#[derive(Debug, Deserialize)]
struct Upload {
    old_tag: Option<String>,
    new_tag: Option<String>,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(flatten)]
    single: Step,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Step {
    #[serde(default)]
    new_classes: Vec<String>,
    #[serde(default)]
    new_sqlite_classes: Vec<String>,
    #[serde(default)]
    renamed_classes: Vec<Rename>,
    #[serde(default)]
    deleted_classes: Vec<String>,
    #[serde(default)]
    transferred_classes: Vec<Transfer>,
}

#[derive(Clone, Debug, Deserialize)]
struct Rename {
    from: String,
    to: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Transfer {
    from: String,
    from_script: String,
    to: String,
}

/// Migrations that were checked and can be applied.
pub(crate) struct Planned {
    tag: String,
    steps: Vec<Migration>,
    /// The Worker's classes afterwards, each with whether it has SQL.
    pub(crate) classes: BTreeMap<String, bool>,
}

/// What a Worker's classes are after an upload's migrations; without any, what they are.
pub(crate) fn plan(
    registry: &Registry,
    script: &Script,
    migrations: Option<&Value>,
) -> Result<Option<Planned>, ApiError> {
    let Some(migrations) = migrations else { return Ok(None) };
    let Upload { old_tag, new_tag, steps, single } = Upload::deserialize(migrations)
        .map_err(|error| ApiError::bad_request(10021, format!("The migrations can't be read: {error}")))?;
    let current = script.settings.migration_tag.as_deref();
    if old_tag.as_deref() != current {
        let shown = |tag: Option<&str>| tag.map_or("no tag".to_owned(), |tag| format!("the tag {tag:?}"));
        return Err(ApiError::new(
            http::StatusCode::PRECONDITION_FAILED,
            10079,
            format!(
                "Migration tag precondition failed; current tag is {}, but the migrations are for {}.",
                shown(current),
                shown(old_tag.as_deref())
            ),
        ));
    }
    let tag = new_tag.ok_or_else(|| ApiError::bad_request(10021, "The migrations have no `new_tag`."))?;
    check_name("tag", &tag)?;
    let steps = if steps.is_empty() { vec![single] } else { steps };
    let mut classes = script.settings.classes.clone();
    let mut planned = Vec::new();
    for (place, step) in steps.into_iter().enumerate() {
        planned.push(apply(registry, script, &mut classes, format!("{tag}#{place}"), step)?);
    }
    if let Some(last) = planned.last_mut() {
        last.tag.clone_from(&tag);
    }
    Ok(Some(Planned { tag, steps: planned, classes }))
}

fn apply(
    registry: &Registry,
    script: &Script,
    classes: &mut BTreeMap<String, bool>,
    tag: String,
    step: Step,
) -> Result<Migration, ApiError> {
    let refused = |message: String| Err(ApiError::bad_request(10074, message));
    let made = step.new_classes.iter().chain(&step.new_sqlite_classes);
    let named = step.renamed_classes.iter().map(|rename| &rename.to);
    let named = made.chain(named).chain(step.transferred_classes.iter().map(|transfer| &transfer.to));
    for name in named {
        check_name("class", name)?;
    }
    for (names, sql) in [(&step.new_classes, false), (&step.new_sqlite_classes, true)] {
        for name in names {
            if classes.insert(name.clone(), sql).is_some() {
                return refused(format!(
                    "Cannot apply new-class migration to class '{name}' that is already depended on by existing Durable Objects."
                ));
            }
        }
    }
    for Rename { from, to } in &step.renamed_classes {
        let Some(sql) = classes.remove(from) else {
            return refused(format!("Cannot apply renamed-class migration: there is no class '{from}'."));
        };
        if classes.insert(to.clone(), sql).is_some() {
            return refused(format!("Cannot apply renamed-class migration: there is a class '{to}' already."));
        }
    }
    for name in &step.deleted_classes {
        if classes.remove(name).is_none() {
            return refused(format!("Cannot apply deleted-class migration: there is no class '{name}'."));
        }
    }
    let mut transferred = Vec::new();
    for Transfer { from, from_script, to } in &step.transferred_classes {
        let Some(other) = registry.script(&script.account, from_script)? else {
            return refused(format!("Cannot apply transferred-class migration: there is no Worker '{from_script}'."));
        };
        let Some(sql) = other.settings.classes.get(from) else {
            return refused(format!(
                "Cannot apply transferred-class migration: '{from_script}' has no class '{from}'."
            ));
        };
        if classes.insert(to.clone(), *sql).is_some() {
            return refused(format!("Cannot apply transferred-class migration: there is a class '{to}' already."));
        }
        transferred.push((other.tag, from.clone(), to.clone()));
    }
    let created = step.new_classes.into_iter().chain(step.new_sqlite_classes).collect();
    let renamed = step.renamed_classes.into_iter().map(|Rename { from, to }| (from, to)).collect();
    Ok(Migration { tag, created, renamed, deleted: step.deleted_classes, transferred })
}

/// The names of classes and tags are kept, and names of classes become folders'.
fn check_name(what: &str, name: &str) -> Result<(), ApiError> {
    match (1..=MAX_NAME).contains(&name.len()) {
        true => Ok(()),
        false => Err(ApiError::bad_request(
            10021,
            format!("The migrations name a {what} of {} bytes: it should have 1 to {MAX_NAME}.", name.len()),
        )),
    }
}

// === impl Planned ===

impl Planned {
    /// Each class that is there afterwards and that a migration makes must be one that the version exports.
    pub(crate) fn check_exports(&self, exported: &[String]) -> Result<(), ApiError> {
        for step in &self.steps {
            let kinds = [
                ("new-class", step.created.iter().collect::<Vec<_>>()),
                ("renamed-class", step.renamed.iter().map(|(_, to)| to).collect()),
                ("transferred-class", step.transferred.iter().map(|(_, _, to)| to).collect()),
            ];
            for (kind, names) in kinds {
                let missing =
                    names.into_iter().find(|name| self.classes.contains_key(*name) && !exported.contains(name));
                if let Some(name) = missing {
                    let message =
                        format!("Cannot apply {kind} migration to class '{name}' that is not exported by script.");
                    return Err(ApiError::bad_request(10070, message));
                }
            }
        }
        Ok(())
    }
}

/// Each own class that the version binds to must be one of the Worker's.
pub(crate) fn check(script: &Script, classes: &BTreeMap<String, bool>, bindings: &[Binding]) -> Result<(), ApiError> {
    for binding in bindings {
        let BindingKind::DurableObjectNamespace { class_name, script_name } = &binding.kind else { continue };
        let own = script_name.as_deref().is_none_or(|name| name == script.name);
        if own && !classes.contains_key(class_name) {
            return Err(ApiError::bad_request(
                10061,
                format!(
                    "Cannot create binding for class '{class_name}' because it is not currently configured to implement \
                     Durable Objects. Did you forget to apply a 'new-class' migration to '{class_name}'?"
                ),
            ));
        }
    }
    Ok(())
}

/// Applies what was planned, durably.
pub(crate) async fn carry_out(control: &Control, script: &str, planned: Planned) -> Result<(), ApiError> {
    let Planned { tag, steps, classes } = planned;
    let taken: Vec<(String, String)> =
        steps.iter().flat_map(|step| &step.transferred).map(|(other, from, _)| (other.clone(), from.clone())).collect();
    let objects = control.platform().services().objects();
    objects.classes().advance(script, &steps).map_err(|error| match error {
        MigrationError::Refused { message, .. } => ApiError::bad_request(10074, message),
        MigrationError::Engine(error) => ApiError::internal(&error),
    })?;
    objects.remove_deleted().await.map_err(|error| ApiError::internal(&error))?;
    if steps.iter().any(|step| !step.deleted.is_empty())
        && let Some(script) = control.registry().script_of_tag(script)?
    {
        crate::scripts::measured(control.platform().clone(), script.account).await?;
    }
    for (other, class) in taken {
        control
            .registry()
            .change_script(&other, move |settings| settings.classes.retain(|known, _| *known != class))
            .await?;
    }
    let change = move |settings: &mut registry::ScriptSettings| {
        settings.classes = classes;
        settings.migration_tag = Some(tag);
    };
    control.registry().change_script(script, change).await?;
    Ok(())
}
