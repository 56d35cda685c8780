//! Behaviours of semantics as transcripts: every file of `scenarios/` is run, and must go as it says.

use std::path::Path;

#[test]
fn every_scenario_goes_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("the folder of scenarios")
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "txt"))
        .collect();
    files.sort();
    assert!(files.len() >= 159, "only {} scenarios were found", files.len());
    let wrong: Vec<_> =
        files.iter().filter_map(|file| linn_tests::scenario::run(file).err()).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} went otherwise\n{}",
        wrong.len(),
        files.len(),
        wrong.join("\n")
    );
}
