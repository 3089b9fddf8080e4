//! A queue is for places that are limited (NX0581), and a priority for a queue that others stand in as well
//! (NX0582).

use crate::check::Context;
use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::diagnostic::fix::{Change, Fix};
use crate::ir::table::Id;
use crate::ir::{Access, Limit, Model, Priority};
use crate::key_path::KeyPath;
use crate::source::Place;

pub(super) fn check(context: &mut Context<'_>) {
    let topology = context.topology;
    for limit in topology.limits.iter() {
        if let (Some(queue), None) = (&limit.queue, limit.concurrent)
            && !context.is_partial("limits")
        {
            let message = format!("limit `{}` has a queue and nothing to wait for", limit.name);
            let place = Place::Key(queue.path.clone());
            let diagnostic = Diagnostic::new(Code::NX0581, message, place, "nobody waits in it");
            context.report(diagnostic.help(
                "set `concurrent`, the requests that run at once; what is over `requests` or \
                 `tokens` does not wait",
            ));
        }
    }
    for key in topology.keys.iter() {
        check_caller(context, key.priority, &key.models, &key.path);
    }
    if let Some(jwt) = &topology.jwt {
        check_caller(context, jwt.priority, &Access::All, &jwt.path);
    }
}

/// Reports a priority where no model that the caller may ask for has a queue. In the queue of a key's own
/// limit stand that key's requests alone.
fn check_caller(context: &mut Context<'_>, priority: Priority, models: &Access, path: &KeyPath) {
    if priority == Priority::default()
        || ["models", "limits"]
            .iter()
            .any(|table| context.is_partial(table))
    {
        return;
    }
    let topology = context.topology;
    let has_queue = |limit: Id<Limit>| topology.limits.get(limit).queue.is_some();
    let queues = |model: &Model| model.limit.is_some_and(has_queue);
    let any = match models {
        Access::All => topology.models.iter().any(queues),
        Access::Only(models) => models.iter().any(|&id| queues(topology.models.get(id))),
    };
    if any {
        return;
    }
    let diagnostic = Diagnostic::new(
        Code::NX0582,
        format!("`{path}` has a priority and no queue to use it in"),
        Place::Value(path.key("priority")),
        "changes nothing",
    )
    .help("give a model that it may ask for a `limit` with `concurrent` and `queue`, or remove `priority`")
    .fix(Fix::probable(Change::Remove(path.key("priority"))));
    context.report(diagnostic);
}
