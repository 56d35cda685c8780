//! What happens in the tour: commits by four people, some of which break something that a later one mends.
//!
//! The story is told again and again. Each time round it leaves the project as it found it but for a counter, so it can
//! go on for ever.

use super::project::{Author, Project};
use crate::cli::failure::Failure;

/// One commit.
struct Scene {
    author: Author,
    message: &'static str,
    act: Act,
}

/// What a commit does.
enum Act {
    /// Puts a line at the end of a file, with the round's number in place of `%`.
    Note(&'static str, &'static str),
    /// Replaces a piece of text that is there.
    Replace(&'static str, &'static str, &'static str),
}

use Act::{Note, Replace};

static SCENES: &[Scene] = &[
    Scene {
        author: Author::Ana,
        message: "Say where greetings come from",
        act: Note("src/greet.sh", "# Greetings have been polite for % rounds."),
    },
    Scene {
        author: Author::Boris,
        message: "A shorter greeting\n\nNobody has the time to read five letters.",
        act: Replace("src/greet.sh", "Hello, %s!", "Hi %s!"),
    },
    Scene {
        author: Author::Chen,
        message: "Guide: how to add up",
        act: Note("docs/guide.md", "Load `src/sum.sh` and call `sum NUMBER...` (example %)."),
    },
    Scene {
        author: Author::Boris,
        message: "Greet properly again",
        act: Replace("src/greet.sh", "Hi %s!", "Hello, %s!"),
    },
    Scene {
        author: Author::Dana,
        message: "Link the answers to frequent questions",
        act: Replace("docs/index.md", "(guide.md).", "(guide.md) and the [answers](answers.md)."),
    },
    Scene {
        author: Author::Ana,
        message: "Explain the sum",
        act: Replace("src/sum.sh", "    total=0\n", "    total=0 \n"),
    },
    Scene {
        author: Author::Dana,
        message: "No answers yet, so no link to them",
        act: Replace("docs/index.md", "(guide.md) and the [answers](answers.md).", "(guide.md)."),
    },
    Scene {
        author: Author::Chen,
        message: "Tidy the sum\n\nThe linter is right about that blank.",
        act: Replace("src/sum.sh", "    total=0 \n", "    total=0\n"),
    },
    Scene {
        author: Author::Boris,
        message: "Speed the table up\n\nSmall factors do not need multiplying.",
        act: Replace("src/table.sh", "$(($1 * factor))", "$(($1 > 9 ? $1 + factor : $1 * factor))"),
    },
    Scene {
        author: Author::Dana,
        message: "Guide: who uses the table",
        act: Note("docs/guide.md", "The table is used in % schools."),
    },
    Scene {
        author: Author::Ana,
        message: "Multiply large numbers too",
        act: Replace("src/table.sh", "$(($1 > 9 ? $1 + factor : $1 * factor))", "$(($1 * factor))"),
    },
];

/// The story, from its beginning.
#[derive(Debug, Default)]
pub(super) struct Story {
    told: usize,
}

impl Story {
    /// Makes the next commit.
    ///
    /// # Errors
    /// When the repository cannot be written.
    pub(super) fn go_on(&mut self, project: &Project) -> Result<(), Failure> {
        let scene = &SCENES[self.told % SCENES.len()];
        let round = self.told / SCENES.len() + 1;
        self.told += 1;
        let (file, text) = match scene.act {
            Note(file, line) => {
                let text = project.read(file)?;
                // Notes would pile up over the rounds: the newest is enough.
                let stem = line.split('%').next().unwrap_or(line);
                let mut text: String = text
                    .lines()
                    .filter(|old| !old.starts_with(stem))
                    .flat_map(|old| [old, "\n"])
                    .collect();
                text.push_str(&line.replace('%', &round.to_string()));
                text.push('\n');
                (file, text)
            }
            Replace(file, old, new) => (file, project.read(file)?.replacen(old, new, 1)),
        };
        project.write(file, &text)?;
        project.commit(scene.author, scene.message)
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// Which of the project's checks fail at this moment.
    fn red(project: &Project) -> Vec<&'static str> {
        [("test", "tests"), ("docs", ""), ("lint", ""), ("test", "slow")]
            .into_iter()
            .filter(|(script, argument)| {
                // As quick as may be: the pauses are for people.
                let command = format!("sleep() {{ :; }}; set -- {argument}; . ci/{script}.sh");
                let status = Command::new("sh")
                    .args(["-c", &command])
                    .current_dir(project.folder())
                    .stdout(std::process::Stdio::null())
                    .status();
                !status.unwrap().success()
            })
            .map(|(script, argument)| if argument == "slow" { "slow" } else { script })
            .collect()
    }

    #[test]
    fn every_round_breaks_and_mends_each_thing_and_ends_green() {
        let folder = tempfile::tempdir().unwrap();
        let project = Project::create(folder.path().join("frobozz")).unwrap();
        assert_eq!(red(&project), Vec::<&str>::new());
        let mut story = Story::default();
        for round in 1..=2 {
            let reds: Vec<_> = SCENES
                .iter()
                .map(|_| {
                    story.go_on(&project).unwrap();
                    red(&project).join(" ")
                })
                .collect();
            let wanted =
                ["", "test", "test", "", "docs", "docs lint", "lint", "", "slow", "slow", ""];
            assert_eq!(reds, wanted, "round {round}");
        }
        let count = Command::new("git")
            .args(["rev-list", "--count", "main"])
            .current_dir(project.folder())
            .output()
            .unwrap();
        let commits = String::from_utf8_lossy(&count.stdout).trim().parse::<usize>().unwrap();
        assert_eq!(commits, 10 + 2 * SCENES.len());
    }
}
