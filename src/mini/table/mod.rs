//! Server-side printing: objects as the rows of a `meta.k8s.io/v1 Table` (Kubernetes `pkg/printers/internalversion`).
//! Columns and cells only; must not know HTTP or the store.

mod age;
mod pod;
mod printers;

use serde_json::{Value, json};

use super::Version;

pub(crate) use printers::*;

/// One column. `wide` ones show with `-o wide` only.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub name: &'static str,
    pub kind: &'static str,
    pub wide: bool,
    /// The minor version whose server no longer prints it.
    pub gone_in: Option<u32>,
}

/// Columns of a kind and the cells of one object, one per column.
#[derive(Clone, Copy)]
pub(crate) struct TablePrinter {
    pub columns: &'static [Column],
    pub cells: fn(&Value, jiff::Timestamp) -> Vec<Value>,
}

/// What `includeObject=` puts beside the cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Include {
    None,
    #[default]
    Metadata,
    Object,
}

impl TablePrinter {
    fn columns(&self, version: Version) -> impl Iterator<Item = (usize, &Column)> {
        self.columns.iter().enumerate().filter(move |(_, c)| c.gone_in.is_none_or(|minor| version.minor < minor))
    }

    fn definitions(&self, plural: &str, version: Version) -> Vec<Value> {
        let define = |c: &Column| {
            let format = if c.name == "Name" { "name" } else { "" };
            let (kind, description) = description(plural, c.name).unwrap_or((c.kind, String::new()));
            let priority = i32::from(c.wide);
            json!({"name": c.name, "type": kind, "format": format, "description": description, "priority": priority})
        };
        self.columns(version).map(|(_, c)| define(c)).collect()
    }

    fn row(&self, object: &Value, version: Version, include: Include, now: jiff::Timestamp) -> Value {
        let cells = (self.cells)(object, now);
        let cells: Vec<_> = self.columns(version).filter_map(|(i, _)| cells.get(i).cloned()).collect();
        let mut row = json!({"cells": cells});
        match include {
            Include::None => {}
            Include::Metadata => row["object"] = partial(object),
            Include::Object => row["object"] = object.clone(),
        }
        row
    }

    /// A `Table` of `objects` of the resource `plural`; `list_metadata` is the list's (or the object's resourceVersion).
    pub(crate) fn table(
        &self,
        plural: &str,
        objects: impl Iterator<Item = Value>,
        list_metadata: Value,
        version: Version,
        include: Include,
    ) -> Value {
        let now = jiff::Timestamp::now();
        let rows: Vec<_> = objects.map(|object| self.row(&object, version, include, now)).collect();
        json!({
            "kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": list_metadata,
            "columnDefinitions": self.definitions(plural, version), "rows": rows,
        })
    }
}

/// Type and description of a column as a real 1.36 tells them.
fn description(plural: &str, column: &str) -> Option<(&'static str, String)> {
    include_str!("columns.tsv").lines().find_map(|line| {
        let mut cells = line.splitn(4, '\t');
        let (of, name, kind, description) = (cells.next()?, cells.next()?, cells.next()?, cells.next()?);
        (of == plural && name == column).then(|| (kind, description.replace("\\n", "\n")))
    })
}

/// The object as `PartialObjectMetadata`.
pub(crate) fn partial(object: &Value) -> Value {
    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_those_of_a_real_server() {
        let mut described = 0;
        for resource in crate::mini::resources::all() {
            let table = include_str!("columns.tsv").lines().filter_map(|line| line.split_once('\t'));
            let real: Vec<_> =
                table.filter(|(of, _)| *of == resource.plural).map(|(_, rest)| rest.split('\t').next()).collect();
            if real.is_empty() {
                continue;
            }
            let ours = resource.printer.definitions(resource.plural, Version::LATEST);
            assert_eq!(ours.iter().map(|column| column["name"].as_str()).collect::<Vec<_>>(), real, "{resource:?}");
            described += 1;
        }
        assert_eq!(described, 15);
    }
}
