//! `[upstreams.NAME.engine.other.container]`

use crate::diagnostic::Diagnostic;
use crate::diagnostic::code::Code;
use crate::ir::container::Container;
use crate::key_path::KeyPath;
use crate::redact::shown;
use crate::resolve::compose::{is_folder, is_image};
use crate::resolve::scope::Scope;
use crate::source::Place;
use crate::spec;

/// What a server is asked where nothing else is written: vLLM's name for it, which most have taken over.
const READY: &str = "/health";

pub(super) fn resolve(
    written: &spec::engine::Container,
    path: &KeyPath,
    scope: &mut Scope<'_>,
) -> Container {
    let spec::engine::Container {
        image,
        args,
        ready,
        live,
        user,
        data,
    } = written;
    let at = path.key("image");
    if !is_image(image) && !scope.lacks(&at) {
        let message = format!("{} is not an image with a tag", shown(image));
        let help = "write its name and its version: `\"registry.example.com/bentovllm:1.2.0\"`";
        report(message, help, at, scope);
    }
    for (index, arg) in args.iter().enumerate() {
        if arg.contains(char::is_control) {
            let at = path.key("args").index(index);
            let message = format!("`{at}` is not an argument of one line");
            report(message, "write one element for each argument", at, scope);
        }
    }
    for (field, written) in [("ready", ready), ("live", live)] {
        if let Some(written) = written.as_ref().filter(|written| !is_path(written)) {
            let message = format!("{} is not the path of a URL", shown(written));
            let help = "write what stands behind its host, such as `\"/readyz\"`";
            report(message, help, path.key(field), scope);
        }
    }
    if let Some(data) = data.as_ref().filter(|data| !is_folder(data)) {
        let message = format!("{} is not a folder of a container", shown(data));
        let help = "write an absolute path, such as `\"/home/bentoml/.cache\"`";
        report(message, help, path.key("data"), scope);
    }
    let user = scope.only_within(*user, 1..=u64::from(u32::MAX >> 1), &path.key("user"));
    let ready = ready.clone().unwrap_or_else(|| READY.to_owned());
    Container {
        image: image.clone(),
        args: args.clone(),
        live: live.clone().unwrap_or_else(|| ready.clone()),
        ready,
        user: user.and_then(|user| u32::try_from(user).ok()),
        data: data.clone(),
    }
}

/// Whether a shell, a YAML file and a server take it for the same path.
fn is_path(path: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/-._~%".contains(&b);
    path.starts_with('/') && path.bytes().all(is_plain)
}

fn report(message: String, help: &str, at: KeyPath, scope: &mut Scope<'_>) {
    let place = Place::Value(at);
    scope.report(Diagnostic::new(Code::NX0860, message, place, "").help(help));
}
