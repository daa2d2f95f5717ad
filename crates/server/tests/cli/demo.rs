use crate::program::Folder;

#[test]
fn the_demo_ends_well_and_leaves_nothing() {
    let folder = Folder::new();
    let temp = folder.path().join("tmp");
    std::fs::create_dir(&temp).unwrap();
    let output = folder.command(&["demo", "--once"]).env("TMPDIR", &temp).output().unwrap();
    let (out, err) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(0), "{out}\n{err}");
    assert!(out.contains('✔') && !out.contains('✘') && !out.contains('\x1b'), "{out}");
    assert_eq!(std::fs::read_dir(&temp).unwrap().count(), 0, "the demo's folder is removed");
}
