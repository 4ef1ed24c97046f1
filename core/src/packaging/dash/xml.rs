//! Writes XML 1.0.

/// An attribute. One without a value is left out.
pub(super) type Attribute = (&'static str, Option<String>);

/// A document while it is written.
pub(super) struct Xml {
    text: String,
    /// The elements that are open, outermost first.
    open: Vec<&'static str>,
}

impl Xml {
    pub(super) fn new() -> Self {
        Self { text: "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned(), open: Vec::new() }
    }

    /// Begins an element that has others.
    pub(super) fn open(&mut self, name: &'static str, attributes: &[Attribute]) {
        self.start(name, attributes);
        self.text.push_str(">\n");
        self.open.push(name);
    }

    /// Ends the element that was begun last.
    pub(super) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            self.indent();
            self.text.push_str(&format!("</{name}>\n"));
        }
    }

    /// Writes an element that has nothing but attributes.
    pub(super) fn empty(&mut self, name: &'static str, attributes: &[Attribute]) {
        self.start(name, attributes);
        self.text.push_str("/>\n");
    }

    /// Writes an element that has just a text.
    pub(super) fn text(&mut self, name: &'static str, text: &str) {
        self.start(name, &[]);
        self.text.push_str(&format!(">{}</{name}>\n", escape(text)));
    }

    /// The document, with all elements ended.
    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }

    fn start(&mut self, name: &str, attributes: &[Attribute]) {
        self.indent();
        self.text.push_str(&format!("<{name}"));
        for (name, value) in attributes {
            if let Some(value) = value {
                self.text.push_str(&format!(" {name}=\"{}\"", escape(value)));
            }
        }
    }

    fn indent(&mut self) {
        self.text.push_str(&"  ".repeat(self.open.len()));
    }
}

/// A text as it may stand between tags and between quotes (XML 1.0, 2.2 and 2.4). A reader would
/// turn line breaks and tabs in attributes into spaces, so they are written as numbers. Characters
/// that XML has no way to write become U+FFFD.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\t' | '\n' | '\r' => escaped.push_str(&format!("&#{};", u32::from(c))),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        /// A reader finds each character where it was written.
        #[test]
        fn what_is_written_is_read(name in ".*", text in "\\PC*|[\t\n\r\"&<>'\u{0}\u{fffe}é]*") {
            let mut xml = Xml::new();
            xml.open("a", &[("b", Some(name.clone())), ("c", None), ("d", Some(text.clone()))]);
            xml.text("e", &text);
            xml.empty("f", &[]);
            let xml = xml.finish();
            let document = roxmltree::Document::parse(&xml).unwrap();
            let replaced = |text: &str| {
                text.replace(|c: char| (c < ' ' && !"\t\n\r".contains(c)) || "\u{fffe}\u{ffff}".contains(c), "\u{fffd}")
            };
            let (name, text) = (replaced(&name), replaced(&text));
            let root = document.root_element();
            proptest::prop_assert_eq!(root.attribute("b"), Some(&*name));
            proptest::prop_assert_eq!(root.attribute("d"), Some(&*text));
            proptest::prop_assert_eq!(root.attribute("c"), None);
            let children: Vec<_> = root.children().filter(roxmltree::Node::is_element).collect();
            proptest::prop_assert_eq!(children[0].text().unwrap_or_default(), text);
            proptest::prop_assert_eq!(children.len(), 2);
        }
    }
}
