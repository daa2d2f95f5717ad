use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    Config, Diagnostics, Warning,
    backend::{self, Surroundings},
    code,
    diagnostic::Problems,
    directory, document,
    lookup::{Lookup, System, reason},
    rule, section,
    settings::{Reading, Settings},
    source::Source,
};

/// The file that is read when it lies in the working directory and nothing else is named.
pub const FILE_NAME: &str = "GoodConnectServer.exe.config";

/// The environment variable that names the file.
pub const FILE_VARIABLE: &str = "TRUNKLINE_CONFIG";

/// The file of a machine on which Trunkline is a service.
pub const SYSTEM_FILE: &str = "/etc/trunkline/GoodConnectServer.exe.config";

/// Larger files are refused, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// Which file to read: `explicit`, else what `TRUNKLINE_CONFIG` names, else [`FILE_NAME`] in the working directory or
/// [`SYSTEM_FILE`], whichever is there first; None means the defaults.
///
/// A file that is named but missing is for [`load`] to report.
pub fn locate(explicit: Option<&Path>, lookup: &dyn Lookup) -> Option<PathBuf> {
    let named = || lookup.variable(FILE_VARIABLE).filter(|name| !name.is_empty()).map(PathBuf::from);
    let absent = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
    let there = |path: &&str| !lookup.openable(Path::new(path)).is_err_and(absent);
    let usual = || [FILE_NAME, SYSTEM_FILE].iter().copied().find(there).map(PathBuf::from);
    explicit.map(Path::to_path_buf).or_else(named).or_else(usual)
}

/// Reads a file with this process's environment; relative paths in it start at its folder.
pub fn load(path: &Path) -> Result<(Config, Vec<Warning>), Diagnostics> {
    let name = path.display().to_string();
    let unreadable = |error: io::Error| {
        let message = format!("the configuration cannot be read: {}", reason(&error));
        Diagnostics::of_file(&name, &code::UNREADABLE, message, "expected a file")
    };
    System.openable(path).map_err(unreadable)?;
    let mut content = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut content)).map_err(unreadable)?;
    if content.len() as u64 > LARGEST {
        let message = "the configuration is larger than 1 MiB".to_owned();
        return Err(Diagnostics::of_file(&name, &code::UNREADABLE, message, "expected a smaller file"));
    }
    match std::str::from_utf8(&content) {
        Ok(text) => parse(text, &name, folder_of(path), &System),
        Err(error) => {
            let line = content[..error.valid_up_to()].split(|byte| *byte == b'\n').count();
            let message =
                format!("the configuration is not UTF-8: line {line} holds bytes that are no character");
            Err(Diagnostics::of_file(&name, &code::NOT_UTF8, message, "help: save it as UTF-8"))
        }
    }
}

/// The data folder that a file names, however wrong the rest of it is: where the server is to be found that reads it too.
/// `None` when it cannot be read.
pub fn data_dir(path: &Path) -> Option<PathBuf> {
    System.openable(path).ok()?;
    let mut content = Vec::new();
    File::open(path).and_then(|file| file.take(LARGEST).read_to_end(&mut content)).ok()?;
    let text = String::from_utf8_lossy(&content);
    let source = Source::new(text.strip_prefix('\u{FEFF}').unwrap_or(&text));
    let mut problems = Problems::new("", Some(&source));
    let document = document::read(source.text, &mut problems);
    let sections = section::sort(&document, &mut problems);
    let reading = Reading { problems, folder: folder_of(path), lookup: &System };
    Some(Config::read(&mut Settings::new(reading, sections.settings)).data_dir)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

/// Reads the text of a file that is called `name` in messages and whose relative paths start at `folder`.
///
/// Reports everything that is wrong at once. Touches the world through `lookup` alone.
pub fn parse(
    text: &str,
    name: &str,
    folder: &Path,
    lookup: &dyn Lookup,
) -> Result<(Config, Vec<Warning>), Diagnostics> {
    let source = Source::new(text.strip_prefix('\u{FEFF}').unwrap_or(text));
    let mut problems = Problems::new(name, Some(&source));
    let document = document::read(source.text, &mut problems);
    let sections = section::sort(&document, &mut problems);
    let mut settings = Settings::new(Reading { problems, folder, lookup }, sections.settings);
    let mut config = Config::read(&mut settings);
    if !document.damaged {
        // In a damaged file the key that is missed may be there.
        rule::check(&config, &mut settings);
    }
    let surroundings =
        Surroundings { login_rate: config.xmpp_login_rate, listeners: rule::listeners(&config, &settings) };
    let mut reading = settings.reading;
    config.backends = backend::read(&sections.backends, &surroundings, &mut reading);
    config.directories = directory::read(&sections.directories, &mut reading);
    reading.problems.finish().map(|warnings| (config, warnings))
}
