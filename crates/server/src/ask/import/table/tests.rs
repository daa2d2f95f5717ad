use super::Table;

fn read(content: &str) -> Table {
    Table::read(content.as_bytes())
}

/// `line:column message`, one for each problem.
fn problems(content: &[u8]) -> Vec<String> {
    let told = |problem: super::Problem| {
        let column = problem.column.map(|column| format!(":{column}")).unwrap_or_default();
        format!("{}{column} {}", problem.line, problem.message)
    };
    Table::read(content).problems.into_iter().map(told).collect()
}

#[test]
fn columns_come_in_any_order_and_with_either_separator() {
    for content in [
        "address,name,Office\nA@example.test,Ann,12\nb@example.test,Bob,\n",
        "\u{feff}Name;ADDRESS;office\r\nAnn;sip:a@example.test;12\r\nBob;b@example.test;\r\n\r\n;;\r\n",
        "office,\"address\",name\n12, a@example.test ,Ann\n,b@example.test,Bob",
    ] {
        let table = read(content);
        assert_eq!(table.problems, [], "{content:?}");
        let rows: Vec<_> = table.rows.iter().map(|row| serde_json::to_value(row).unwrap()).collect();
        let expected = [("sip:a@example.test", "Ann", "12"), ("sip:b@example.test", "Bob", "")];
        for (row, (address, name, office)) in rows.iter().zip(expected) {
            assert_eq!(
                (
                    &row["address"],
                    &row["change"]["displayName"],
                    &row["change"]["office"],
                    &row["change"]["email"]
                ),
                (&address.into(), &name.into(), &office.into(), &serde_json::Value::Null),
                "{content:?}"
            );
        }
        assert_eq!(rows.len(), 2, "{content:?}");
    }
}

#[test]
fn quotes_hold_separators_and_quotes() {
    let table = read("address,name\na@example.test,\"Example, \"\"Ann\"\"\"\n");
    assert_eq!(table.problems, []);
    assert_eq!(table.rows[0].change.name(), Some("Example, \"Ann\""));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place() {
    let long = "x".repeat(256);
    let content = format!(
        "address,name,email\nnobody,Ann,a@b.test\nb@example.test,{long},\nc@example.test,Cid\n\
         B@example.test,,\n,Dan,\ne@example.test,\"E\nve\",\nf@example.test,F,\n"
    );
    let told = problems(content.as_bytes());
    let begins = [
        "2:1 \"nobody\": ",
        "3:2 it has over 255 characters",
        "4 expected 3 cells, found 2",
        "5:1 sip:b@example.test is in line 3 already",
        "6:1 there is no address",
        "7:2 it has a control character",
    ];
    assert_eq!(told.len(), begins.len(), "{told:#?}");
    for (told, begin) in told.iter().zip(begins) {
        assert!(told.starts_with(begin), "{told} does not begin with {begin}");
    }
    let rows = read(&content).rows;
    assert_eq!(rows.len(), 1, "the good rows stay");
}

#[test]
fn a_wrong_first_line_is_told_with_what_was_meant() {
    for (content, expected) in [
        ("adress;name\na@b.test;Ann\n", "1:1 there is no column \"adress\": did you mean address?"),
        ("address,e-mail\n", "1:2 there is no column \"e-mail\": did you mean email?"),
        ("address,name,Name\n", "1:3 the column name is there twice"),
        ("name\nAnn\n", "1 there is no column address"),
        ("", "1 the file is empty: its first line must name the columns, address among them"),
    ] {
        assert_eq!(problems(content.as_bytes()), [expected], "{content:?}");
        assert!(read(content).hopeless);
    }
    assert!(problems(b"address\tname\n")[0].contains("there are address, name, email"));
    assert!(problems(b"\xff\xfea\0")[0].contains("UTF-16"));
}

#[test]
fn a_missing_quote_swallows_no_line_unseen() {
    let told = problems(b"address,name\na@example.test,\"Ann\nb@example.test,Bob\n");
    assert_eq!(told, ["2 a quotation mark is missing: one within a cell is written twice"]);
    let last = problems(b"address,name\na@example.test,\"Ann");
    assert_eq!(last.len(), 1, "{last:?}");
}

#[test]
fn another_encoding_is_told_by_the_cell() {
    let told = problems(b"address,name\na@example.test,J\xfcrgen\n");
    assert_eq!(told, ["2:2 it is not UTF-8: save the file as UTF-8"]);
}
