//! Drawings: an SVG file is XML, as the parser of Python's library reads it.

use crate::emit::FileSet;
use crate::verify::reading::positioned;
use crate::verify::{Answer, Command, Finding, Question, Tool, files_in};

/// Parses a file, and says where it breaks off.
const PARSE: &str = "\
import sys
from xml.parsers import expat
path = sys.argv[1]
parser = expat.ParserCreate()
try:
    with open(path, 'rb') as file:
        parser.ParseFile(file)
except expat.ExpatError as error:
    sys.exit(f'{path}:{error.lineno}: {expat.ErrorString(error.code)}')
";

pub(super) static EXPAT: Tool = Tool {
    name: "expat",
    commands: &[Command {
        words: &["python3", "-c"],
        probe: "from xml.parsers import expat",
    }],
    get: "it comes with Python",
    questions,
    read,
};

fn questions(files: &FileSet) -> Vec<Question> {
    files_in(files, "", &[".svg"])
        .into_iter()
        .map(|file| {
            let mut question = Question::about(file, "");
            question.arguments = vec![PARSE.to_owned(), file.to_owned()];
            question
        })
        .collect()
}

fn read(question: &Question, answer: &Answer, _: &FileSet) -> Option<Vec<Finding>> {
    let lines = answer.errors.lines();
    let findings: Vec<Finding> = lines
        .filter_map(|line| positioned(line, &question.files))
        .collect();
    Some(findings).filter(|findings| answer.success || !findings.is_empty())
}
