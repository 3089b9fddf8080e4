//! The log of a dataplane: JSON lines, kept as they come.

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::ChildStdout;
use tokio::sync::watch;

use crate::patience::patiently;

/// The lines that a process has written so far.
#[derive(Debug)]
pub struct Log {
    lines: watch::Receiver<Vec<Value>>,
}

impl Log {
    /// Reads lines until the process closes its output. A line that is no JSON ends the reading, and with
    /// it every wait.
    pub(crate) fn follow(output: ChildStdout) -> Self {
        let (sender, lines) = watch::channel(Vec::new());
        tokio::spawn(async move {
            let mut reader = BufReader::new(output).lines();
            while let Ok(Some(line)) = reader.next_line().await {
                let value = serde_json::from_str(&line)
                    .unwrap_or_else(|error| panic!("`{line}` is no JSON: {error}"));
                sender.send_modify(|lines| lines.push(value));
            }
        });
        Self { lines }
    }

    /// The log of a process that writes it elsewhere: nothing is ever known of it.
    pub(crate) fn unread() -> Self {
        let (_, lines) = watch::channel(Vec::new());
        Self { lines }
    }

    /// The lines so far.
    pub fn lines(&self) -> Vec<Value> {
        self.lines.borrow().clone()
    }

    /// Waits until so many lines have come, and returns those that have.
    ///
    /// # Panics
    /// When they do not come, or the process ends without them.
    pub async fn wait_for_many(&self, count: usize, is_it: impl Fn(&Value) -> bool) -> Vec<Value> {
        let of = |lines: &[Value]| -> Vec<Value> {
            lines.iter().filter(|line| is_it(line)).cloned().collect()
        };
        let mut lines = self.lines.clone();
        let wait = lines.wait_for(|lines| lines.iter().filter(|line| is_it(line)).count() >= count);
        let found = patiently("log lines", wait).await;
        let found = found.ok().map(|lines| of(&lines));
        found.unwrap_or_else(|| panic!("the log ended without {count} lines: {:#?}", self.lines()))
    }

    /// Waits until the process has closed its log, and every line of it is here.
    pub(crate) async fn end(&self) {
        let mut lines = self.lines.clone();
        patiently("the end of the log", async {
            while lines.changed().await.is_ok() {}
        })
        .await;
    }

    /// Waits for a line, which may have been written already.
    ///
    /// # Panics
    /// When it does not come, or the process ends without it.
    pub async fn wait_for(&self, is_it: impl Fn(&Value) -> bool) -> Value {
        let mut lines = self.lines.clone();
        let wait = lines.wait_for(|lines| lines.iter().any(&is_it));
        let found = patiently("a log line", wait)
            .await
            .ok()
            .and_then(|lines| lines.iter().find(|line| is_it(line)).cloned());
        found.unwrap_or_else(|| panic!("the log ended without the line: {:#?}", self.lines()))
    }
}
