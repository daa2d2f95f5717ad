//! The documents that are made from the table of keys.

use std::path::Path;

use crate::{
    KEYS, Key,
    backend::{Attribute, Sort},
    code, directory,
    load::{FILE_NAME, FILE_VARIABLE, SYSTEM_FILE, parse},
    lookup::System,
};

const WIDTH: usize = 96;

/// A faulty file; what is said of it is shown in the reference.
const FAULTY: &str = r#"<configuration>
  <appSettings>
    <add key="HTTP_BNID" value="127.0.0.1:8080" />
    <add key="DRAIN_SECS" value="10s" />
  </appSettings>
</configuration>
"#;

/// The text of docs/configuration.md.
pub fn reference_markdown() -> String {
    let mut page = introduction();
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            page += &format!("## {section}\n\n");
        }
        page += &entry(key);
    }
    page + &backends() + &directories() + &problems()
}

fn introduction() -> String {
    format!(
        "# Configuration\n\n\
        <!-- Made from the table of keys in crates/config. To renew it: cargo xtask gen -->\n\n\
        Without a file every key has its default, and Trunkline runs. [`config/{FILE_NAME}`](../config/{FILE_NAME})\n\
        lists every key, ready to be changed.\n\n\
        **Which file.** The one that `--config FILE` names, else the one that the environment variable\n\
        `{FILE_VARIABLE}` names, else `{FILE_NAME}` in the working directory, else\n\
        `{SYSTEM_FILE}`, else none.\n\
        `trunkline check-config [FILE]` tells everything that is wrong with it, and starts nothing.\n\n\
        **When.** At start, and again on `trunkline reload` or SIGHUP. Keys whose entry says so are then taken over at\n\
        once, without a phone noticing; the others, `<backends>` and `<directories>`, need a restart, and the answer to the reload names\n\
        them. A file with an error changes nothing.\n\n\
        **Its form** is that of a .NET application's settings. Names and values are case-sensitive; a key that is not\n\
        there has its default; an unknown key is an error. Sections that .NET itself reads (`startup`, `runtime`,\n\
        `system.*`, `connectionStrings` …) are ignored with a warning.\n\n\
        ```xml\n<configuration>\n  <appSettings>\n    <add key=\"HTTPS_BIND\" value=\"0.0.0.0:8082\" />\n  \
        </appSettings>\n</configuration>\n```\n\n\
        **Values from elsewhere.** Any value, and any attribute of a backend or directory, may be `env:NAME`, the value of an\n\
        environment variable, or `file:PATH`, the content of a file (at most 64 KiB) without the newline at its end.\n\
        Such values are shown in no message and in no log, and neither are those of keys marked *secret*.\n\n\
        **Paths.** A relative path starts at the folder of the configuration file, with three exceptions:\n\
        `MASTER_KEY_FILE` and the file in `DB_CONNECTION` start at `DATA_DIR`; and `DATA_DIR` itself starts at the\n\
        working directory when the file does not set it.\n\n"
    )
}

fn entry(key: &Key) -> String {
    let default = match key.default {
        "" => "nothing".to_owned(),
        default => format!("`{default}`"),
    };
    let secret = if key.secret { " *(secret)*" } else { "" };
    let reload = if key.live { "taken over by a reload" } else { "needs a restart" };
    format!(
        "### `{}`{secret}\n\n{}\n\n- Type: {}\n- Default: {default}\n- Example: `{}`\n- A new value: {reload}\n\n",
        key.name,
        key.meaning,
        key.expected(),
        key.example,
    )
}

fn backends() -> String {
    let mut text = "## Backends\n\n\
        Accounts live on the relay itself, unless a backend has their domain. Any number of backends stand in\n\
        `<backends>`, inside `<configuration>`; `kind` says of what sort each is.\n\n"
        .to_owned();
    for sort in Sort::ALL {
        text += &format!("### {} (`kind=\"{}\"`)\n\n", sort.title(), sort.word());
        text += &wrapped("", sort.introduction(), "\n");
        text += &format!(
            "\n\n```xml\n<configuration>\n  <backends>\n    {}\n  </backends>\n</configuration>\n```\n\n\
            | Attribute | Type | Default | Meaning |\n|---|---|---|---|\n",
            sort.example()
        );
        text.extend(sort.attributes().map(row));
        text += "\n";
    }
    text
}

fn directories() -> String {
    let mut text = "## Directories\n\n".to_owned();
    text += &wrapped("", directory::INTRODUCTION, "\n");
    text += &format!(
        "\n\n```xml\n<configuration>\n  <directories>\n    {}\n  </directories>\n</configuration>\n```\n\n\
        | Attribute | Type | Default | Meaning |\n|---|---|---|---|\n",
        directory::EXAMPLE
    );
    text.extend(directory::ATTRIBUTES.iter().map(row));
    text + "\n" + &directory::schemas() + "\n"
}

fn row(attribute: &Attribute) -> String {
    let default = attribute.default.unwrap_or("none: it must be given");
    let cells = [attribute.name, &(attribute.expected)(), default, attribute.meaning]
        .map(|cell| cell.replace('|', "\\|"));
    format!("| `{}` | {} | {} | {} |\n", cells[0], cells[1], cells[2], cells[3])
}

fn problems() -> String {
    let mut text =
        "## Messages\n\nAll problems of a file are shown at once, each at its place:\n\n```text\n".to_owned();
    if let Err(problems) = parse(FAULTY, FILE_NAME, Path::new(""), &System) {
        text += &format!("{problems}\n");
    }
    text += "```\n\n| Code | Meaning |\n|---|---|\n";
    for code in code::ALL {
        text += &format!("| {} | {} |\n", code.id, code.meaning);
    }
    text
}

/// The text of config/GoodConnectServer.exe.config: every key as a comment, so that the file changes
/// nothing by itself.
pub fn example_file() -> String {
    let mut file = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{}<configuration>\n  <appSettings>\n",
        comment(
            "",
            &[
                "The configuration of Trunkline. Every key stands here with its default, inside a comment: \
                take a line out of its comment to change it.",
                "Any value may be env:NAME (an environment variable) or file:PATH (the content of a file); \
                such values are never shown. docs/configuration.md says more.",
            ]
        )
    );
    let mut section = "";
    for key in KEYS {
        if key.section != section {
            section = key.section;
            file += &format!("\n    <!-- ==== {section} ==== -->\n");
        }
        let kind = format!("Type: {}.", key.expected());
        let example = format!("Default: {}. Example: {}", or_nothing(key.default), key.example);
        file += "\n";
        file += &comment("    ", &[&plain(key.meaning), &plain(&kind), &example]);
        file += &format!("    <!-- <add key=\"{}\" value=\"{}\" /> -->\n", key.name, key.default);
    }
    file += "  </appSettings>\n\n";
    file += &comment("  ", &["IM systems beside the relay's own accounts, one for each domain."]);
    file += &Sort::ALL.map(example_backend).join("");
    file += "\n";
    file += &comment("  ", &["Where people are found by phones, beside what their IM system knows."]);
    file += &example_element(
        directory::INTRODUCTION.to_owned(),
        directory::ATTRIBUTES.iter(),
        "directories",
        directory::EXAMPLE,
    );
    file + "</configuration>\n"
}

fn example_backend(sort: Sort) -> String {
    let title = format!("{}. {} The attributes:", sort.title(), sort.introduction());
    example_element(title, sort.attributes(), "backends", sort.example())
}

fn example_element<'t>(
    title: String,
    attributes: impl Iterator<Item = &'t Attribute>,
    section: &str,
    example: &str,
) -> String {
    let attributes = attributes.map(|attribute| {
        let default =
            attribute.default.map_or("Must be given.".to_owned(), |default| format!("Default: {default}."));
        format!("{}: {}. {} {default}", attribute.name, (attribute.expected)(), attribute.meaning)
    });
    let paragraphs: Vec<String> = std::iter::once(title).chain(attributes).map(|text| plain(&text)).collect();
    let text = comment("  ", &paragraphs.iter().map(String::as_str).collect::<Vec<_>>());
    format!("\n{text}  <!--\n  <{section}>\n    {example}\n  </{section}>\n  -->\n")
}

fn or_nothing(default: &str) -> &str {
    if default.is_empty() { "nothing" } else { default }
}

/// Markdown without its marks.
fn plain(text: &str) -> String {
    text.replace('`', "")
}

/// A comment of paragraphs, each broken into lines.
fn comment(indent: &str, paragraphs: &[&str]) -> String {
    let between = format!("\n{indent}     ");
    let body: Vec<String> = paragraphs.iter().map(|text| wrapped(indent, text, &between)).collect();
    format!("{indent}<!-- {} -->\n", body.join(&between))
}

/// A paragraph in lines.
fn wrapped(indent: &str, text: &str, between: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        if !line.is_empty() && indent.len() + line.len() + word.len() + 6 > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        line += if line.is_empty() { "" } else { " " };
        line += word;
    }
    lines.push(line);
    lines.join(between)
}
