//! Words that no request may hold.
//!
//! All texts of a body are searched, wherever they stand: what reaches a model is not only in
//! `messages`. One automaton finds all words in one pass. A text is searched where it lies; only one
//! with escapes, or with letters beyond ASCII where a word has such too, is copied first. Most bodies hold
//! nothing that looks like a word; a first glance at all of the bytes together settles those.
//!
//! A word is found as a whole word: no letter or digit goes on at either end, except in scripts that
//! put no spaces between words. Capitals are the same as small letters. This keeps out what people
//! write by habit; who means to get a word through will spell it in another way.

mod fold;
mod glance;
mod strings;

use aho_corasick::{AhoCorasick, Span};
use thiserror::Error;

use crate::words::fold::fold;
use crate::words::glance::Glance;
use crate::words::strings::{Piece, Place, Strings};

/// The words, ready to be found.
pub(crate) struct Words {
    automaton: AhoCorasick,
    /// Some word has letters beyond ASCII, whose capitals the automaton does not know.
    beyond_ascii: bool,
    glance: Option<Glance>,
}

/// A request holds a forbidden word. Which one is told to nobody.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{} holds a word that this gateway forbids", named(.place))]
pub(crate) struct Forbidden {
    /// Where, if that is one of the fields that are worth naming.
    pub(crate) place: Option<Place>,
}

/// Why a list of words is none.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum NoList {
    #[error("holds no word: write one a line; a line that begins with # is a comment")]
    Empty,
    #[error("holds more words than can be looked for at once")]
    TooLong,
}

impl Words {
    /// The words of a list: one a line, or several that follow each other; `#` begins a comment.
    pub(crate) fn parse(list: &str) -> Result<Self, NoList> {
        let lines = list.trim_start_matches('\u{feff}').lines().map(str::trim);
        let words = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
        let small = |word: &str| word.chars().flat_map(char::to_lowercase).collect();
        let words: Vec<String> = words.map(small).collect();
        if words.is_empty() {
            return Err(NoList::Empty);
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .build(&words)
            .map_err(|_| NoList::TooLong)?;
        Ok(Self {
            automaton,
            beyond_ascii: !words.iter().all(|word| word.is_ascii()),
            glance: Glance::of(&words),
        })
    }

    /// Refuses a request whose body, which is JSON, holds one of them. With Unicode escapes it can write any
    /// letter of a word in a second way.
    pub(crate) fn check(&self, body: &str, has_unicode_escapes: bool) -> Result<(), Forbidden> {
        let glance = self.glance.as_ref().filter(|_| !has_unicode_escapes);
        if glance.is_some_and(|glance| glance.finds_nothing(body)) {
            return Ok(());
        }
        self.search(body)
    }

    /// Refuses it after a look at each of its strings.
    fn search(&self, body: &str) -> Result<(), Forbidden> {
        let mut folded = String::new();
        let mut texts = Strings::of(body).filter(|piece| !piece.is_binary());
        match texts.find(|piece| self.are_in(piece, &mut folded)) {
            None => Ok(()),
            Some(piece) => Err(Forbidden { place: piece.place }),
        }
    }

    fn are_in(&self, piece: &Piece<'_>, folded: &mut String) -> bool {
        let text = if piece.has_escapes || (self.beyond_ascii && !piece.raw.is_ascii()) {
            fold(piece.raw, folded);
            folded
        } else {
            piece.raw
        };
        // Overlapping: a word that goes on must not hide a shorter one that does not.
        self.automaton
            .find_overlapping_iter(text)
            .any(|found| stands_alone(text, found.span()))
    }
}

/// Whether no word goes on beyond either end of `span`.
fn stands_alone(text: &str, span: Span) -> bool {
    let (before, word, after) = (
        text.get(..span.start).unwrap_or_default(),
        text.get(span.range()).unwrap_or_default(),
        text.get(span.end..).unwrap_or_default(),
    );
    let goes_on = |one: Option<char>, other: Option<char>| {
        let both = one.zip(other);
        both.is_some_and(|(one, other)| is_of_word(one) && is_of_word(other))
    };
    !goes_on(before.chars().next_back(), word.chars().next())
        && !goes_on(word.chars().next_back(), after.chars().next())
}

/// Whether `c` beside another of its kind is part of the same word.
fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() && !is_of_unspaced_script(c)
}

/// Whether `c` belongs to a script that puts no spaces between words: Thai, Lao, Burmese, Khmer,
/// Japanese, Chinese.
fn is_of_unspaced_script(c: char) -> bool {
    matches!(c,
        '\u{e00}'..='\u{eff}'
        | '\u{1000}'..='\u{109f}'
        | '\u{1780}'..='\u{17ff}'
        | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{3ffff}')
}

fn named(place: &Option<Place>) -> String {
    match place {
        Some(place) => format!("`{place}`"),
        None => "the request".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    const LIST: &str =
        "# Names of projects.\nBluebird\n\n  red fox \nc++\nÉcole\n\u{673a}\u{5bc6}\nред\n";

    /// Where `body` holds one of the words: `messages[1]`, or nothing for a place without a name.
    fn found(body: &str) -> Option<String> {
        let words = Words::parse(LIST).unwrap();
        let forbidden = check(&words, body).err()?;
        Some(
            forbidden
                .place
                .map(|place| place.to_string())
                .unwrap_or_default(),
        )
    }

    fn check(words: &Words, body: &str) -> Result<(), Forbidden> {
        words.check(body, body.contains("\\u"))
    }

    fn in_text(text: &str) -> bool {
        found(&json!({"prompt": text}).to_string()).is_some()
    }

    #[test]
    fn a_word_is_found_in_any_case() {
        for text in [
            "bluebird",
            "the BlueBird flies",
            "\"Bluebird\"",
            "blue_bluebird_1",
            "a RED FOX!",
            "C++",
            "in c++17",
            "à l'école",
            "À L'ÉCOLE",
            "РЕД",
        ] {
            assert!(in_text(text), "{text}");
        }
    }

    #[test]
    fn a_part_of_a_word_is_not_the_word() {
        for text in [
            "bluebirds",
            "ubluebird",
            "2bluebird",
            "red foxes",
            "red  fox",
            "bluébird",
            "écoles",
            "бред",
        ] {
            assert!(!in_text(text), "{text}");
        }
    }

    #[test]
    fn a_script_without_spaces_has_words_all_the_same() {
        assert!(in_text("\u{8fd9}\u{662f}\u{673a}\u{5bc6}\u{6587}\u{4ef6}"));
        assert!(!in_text("\u{8fd9}\u{662f}\u{6587}\u{4ef6}"));
    }

    #[test]
    fn a_longer_word_does_not_hide_a_shorter_one() {
        let words = Words::parse("red\nred fox").unwrap();
        assert!(check(&words, r#"{"prompt":"red foxes"}"#).is_err());
    }

    #[test]
    fn an_escape_hides_nothing() {
        for body in [
            r#"{"prompt":"blue\u0062ird"}"#,
            r#"{"prompt":"\u0042LUEBIRD"}"#,
            r#"{"prompt":"a\nbluebird\/"}"#,
            r#"{"prompt":"\u00c9cole"}"#,
            r#"{"prompt":"\ud83d\ude00bluebird\ud83d"}"#,
            r#"{"prompt":"{\"x\":\"bluebird\"}"}"#,
        ] {
            assert!(found(body).is_some(), "{body}");
        }
        assert_eq!(found(r#"{"prompt":"\\u0062luebird"}"#), None);
    }

    #[test]
    fn the_place_is_named_and_the_word_is_not() {
        let message = |content: Value| json!({"role": "user", "content": content});
        let image = json!({"type": "image_url", "image_url": {"url": "https://example.com/a"}});
        for (body, place) in [
            (
                json!({"messages": [message("a".into()), message("bluebird".into())]}),
                "messages[1]",
            ),
            (
                json!({"messages": [message(json!([image, {"type": "text", "text": "bluebird"}]))]}),
                "messages[0]",
            ),
            (
                json!({"messages": [{"role": "tool", "tool_call_id": "1", "content": "bluebird"}]}),
                "messages[0]",
            ),
            (
                json!({"messages": [{"tool_calls": [{"function": {"arguments": "{\"q\":\"bluebird\"}"}}]}]}),
                "messages[0]",
            ),
            (json!({"prompt": "bluebird"}), "prompt"),
            (json!({"input": ["a", "b", "bluebird"]}), "input[2]"),
            (
                json!({"messages": [], "tools": [{"function": {"description": "bluebird"}}]}),
                "tools[0]",
            ),
            (json!({"messages": [], "metadata": {"bluebird": 1}}), ""),
        ] {
            assert_eq!(found(&body.to_string()).as_deref(), Some(place), "{body}");
        }
        let words = Words::parse(LIST).unwrap();
        let forbidden = check(&words, r#"{"prompt":["red fox"]}"#).unwrap_err();
        assert_eq!(
            forbidden.to_string(),
            "`prompt[0]` holds a word that this gateway forbids"
        );
    }

    #[test]
    fn of_two_fields_with_one_name_both_are_read() {
        assert!(found(r#"{"prompt":"bluebird","prompt":"a"}"#).is_some());
        assert!(found(r#"{"prompt":"a","messages":[],"prompt":"bluebird"}"#).is_some());
    }

    #[test]
    fn pictures_and_sounds_are_not_text() {
        let base64 = format!("/bluebird/{}", "QUJD".repeat(100));
        let url = format!("data:image/png;base64,{base64}");
        for part in [
            json!({"image_url": {"url": url}}),
            json!({"image_url": url}),
            json!({"input_audio": {"data": base64, "format": "wav"}}),
            json!({"file": {"file_data": url}}),
        ] {
            let body = json!({"messages": [{"content": [part]}]}).to_string();
            assert_eq!(found(&body), None);
            assert_eq!(found(&body.replace('/', "\\/")), None);
        }
    }

    #[test]
    fn a_text_is_not_taken_for_a_picture() {
        let padding = "QUJD".repeat(100);
        for body in [
            json!({"data": "bluebird"}),
            json!({"text": format!("data:;base64,{padding}/bluebird/")}),
            json!({"url": format!("data:;base64,{padding} bluebird ")}),
            json!({"url": format!("data:,{padding}/bluebird/")}),
        ] {
            assert!(found(&body.to_string()).is_some(), "{body}");
        }
    }

    #[test]
    fn a_list_without_a_word_is_none() {
        for list in ["", "\n\n", "# nothing", "\u{feff}# nothing\r\n"] {
            assert_eq!(Words::parse(list).err(), Some(NoList::Empty), "{list}");
        }
        let words = Words::parse("\u{feff}bluebird\r\n").unwrap();
        assert!(check(&words, r#"["bluebird"]"#).is_err());
    }

    proptest! {
        #[test]
        fn any_text_around_a_word_leaves_it_found(
            before in "[ -~é\n]{0,30}[ \n.]",
            after in "[.!\\\\\"][ -~é\n]{0,30}",
        ) {
            let text = format!("{before}bluebird{after}");
            prop_assert!(in_text(&text));
        }

        #[test]
        fn a_glance_never_differs_from_a_search(
            text in r#"([a-dA-D"\\/é\n]|bluebird|Bluebird|RED fox|foxx){0,12}"#,
            escapes in any::<bool>(),
        ) {
            let mut body = json!({"prompt": text}).to_string();
            if escapes {
                body = body.replace('b', "\\u0062").replace('/', "\\/");
            }
            for list in [LIST, "bluebird\nred fox", "école\nfox", "a/b"] {
                let words = Words::parse(list).unwrap();
                prop_assert_eq!(check(&words, &body), words.search(&body));
            }
        }

        #[test]
        fn never_panics(body in ".{0,100}") {
            let _ = check(&Words::parse(LIST).unwrap(), &body);
        }
    }
}
