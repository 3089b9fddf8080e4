//! Programs of this machine that emitted files are checked with: which are there, and asking them.

use std::collections::BTreeMap;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::{self, Seek, Write};
use std::num::NonZero;
use std::path::Path;
use std::process::{self, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nexusc::verify::{Answer, Command, Input, Question, Tool};

/// The commands of the tools that are there, by the tools' names.
pub(crate) type Commands = BTreeMap<&'static str, &'static Command>;

/// Which of these tools are there.
pub(crate) fn find(tools: &[&'static Tool]) -> Commands {
    let found = in_parallel(tools, |tool| {
        let there = tool.commands.iter().find(|command| is_there(command));
        there.map(|command| (tool.name, command))
    });
    found.into_iter().flatten().collect()
}

fn is_there(command: &Command) -> bool {
    let status = program(command)
        .map(|mut program| program.arg(command.probe).stdin(Stdio::null()).output());
    status.is_some_and(|output| output.is_ok_and(|output| output.status.success()))
}

/// Asks a tool about files in `folder`.
pub(crate) fn ask(
    command: &Command,
    question: &Question,
    folder: &Path,
    commands: &Commands,
) -> io::Result<Answer> {
    let input = match &question.input {
        Input::Nothing => String::new(),
        Input::Text(text) => text.clone(),
        Input::Output(tool, arguments) => {
            let Some(before) = commands.get(tool.name) else {
                return Err(io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("`{}` is not there", tool.name),
                ));
            };
            let answer = answer(before, arguments, &[], "", folder)?;
            if !answer.success {
                // It is asked about the same files itself, and says why.
                return Ok(Answer {
                    success: true,
                    output: String::new(),
                    errors: String::new(),
                });
            }
            answer.output
        }
    };
    answer(
        command,
        &question.arguments,
        &question.environment,
        &input,
        folder,
    )
}

fn answer(
    command: &Command,
    arguments: &[String],
    environment: &[(String, String)],
    input: &str,
    folder: &Path,
) -> io::Result<Answer> {
    let no_words = || io::Error::from(io::ErrorKind::InvalidInput);
    let output = program(command)
        .ok_or_else(no_words)?
        .args(arguments)
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .current_dir(folder)
        .stdin(as_file(input)?)
        .output()?;
    Ok(Answer {
        success: output.status.success(),
        output: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A text as the standard input of a program: a file without a name, since some ask for its length.
fn as_file(text: &str) -> io::Result<Stdio> {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    if text.is_empty() {
        return Ok(Stdio::null());
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = env::temp_dir().join(format!("nexusc-verify-{}-{number}", process::id()));
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.rewind());
    fs::remove_file(&path)?;
    written?;
    Ok(file.into())
}

/// The program of a command, with words that are read and not looked at.
fn program(command: &Command) -> Option<process::Command> {
    let (name, arguments) = command.words.split_first()?;
    let mut program = process::Command::new(name);
    program
        .args(arguments)
        .env("LC_ALL", "C.UTF-8")
        .env("NO_COLOR", "1");
    Some(program)
}

/// What `work` makes of each item, in their order; as many at a time as there are cores.
pub(crate) fn in_parallel<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(items.len());
    let take = || {
        let mut done = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else {
                return done;
            };
            done.push((index, work(item)));
        }
    };
    let mut results: Vec<(usize, R)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(take)).collect();
        let joined = threads.into_iter().map(|thread| match thread.join() {
            Ok(done) => done,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.flatten().collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
