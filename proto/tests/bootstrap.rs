//! Makes the generated code again, without `protoc`, and fails when what is committed differs (decision D12).

use std::path::Path;

const FILES: [&str; 6] = [
    "common.proto",
    "entity.proto",
    "console.proto",
    "control.proto",
    "change.proto",
    "worker.proto",
];

#[test]
fn the_committed_code_is_what_the_protos_say() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fresh = tempfile::tempdir().expect("a temporary folder");
    let descriptors = protox::compile(FILES, [root]).expect("the .proto files compile");
    tonic_prost_build::configure()
        .btree_map(".")
        .bytes(".linn.worker.v1.LogAppend.data")
        .bytes(".linn.worker.v1.FileChunk.data")
        .bytes(".linn.console.v1.RawBytes.data")
        .out_dir(fresh.path())
        .compile_fds(descriptors)
        .expect("the code is generated");
    let committed = root.join("src/gen");
    let names = |folder: &Path, ending: &str| {
        let entries = std::fs::read_dir(folder).expect("a folder").flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter(|name| name.ends_with(ending)).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(names(root, ".proto"), FILES.map(str::to_owned).into(), "all files are listed here");
    assert_eq!(names(&committed, ".rs"), names(fresh.path(), ".rs"), "nothing stale is committed");
    let update = std::env::var_os("UPDATE").is_some();
    for file in FILES {
        let name = format!("linn.{}.v1.rs", file.trim_end_matches(".proto"));
        let wanted = std::fs::read_to_string(fresh.path().join(&name)).expect("generated");
        let path = committed.join(&name);
        if update {
            std::fs::write(&path, &wanted).expect("written");
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == wanted, "{name} is stale: run UPDATE=1 cargo test -p linn-proto");
    }
}
