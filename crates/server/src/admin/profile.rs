use clap::Args;
use serde::{Deserialize, Serialize};
use trunkline_model::Profile;

/// What a directory knows of a person; only what is given counts. Its JSON has the names of the model's `Profile`.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ProfileChange {
    /// Name to show
    #[serde(rename = "displayName")]
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// E-mail address
    #[arg(long, value_name = "TEXT")]
    email: Option<String>,
    /// Job title
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Desk phone
    #[serde(rename = "workPhone")]
    #[arg(long, value_name = "TEXT")]
    phone: Option<String>,
    /// Mobile phone
    #[serde(rename = "mobilePhone")]
    #[arg(long, value_name = "TEXT")]
    mobile: Option<String>,
    /// Department
    #[arg(long, value_name = "TEXT")]
    department: Option<String>,
    /// Company
    #[arg(long, value_name = "TEXT")]
    company: Option<String>,
    /// Office or room
    #[arg(long, value_name = "TEXT")]
    office: Option<String>,
}

/// A field of a [`ProfileChange`].
type Field = fn(&mut ProfileChange) -> &mut Option<String>;

/// Longest field, in characters.
const FIELD_MAX: usize = 255;

impl ProfileChange {
    /// The fields by the names that they have on the command line and in files.
    pub(crate) const FIELDS: [(&'static str, Field); 8] = [
        ("name", |change| &mut change.name),
        ("email", |change| &mut change.email),
        ("title", |change| &mut change.title),
        ("phone", |change| &mut change.phone),
        ("mobile", |change| &mut change.mobile),
        ("department", |change| &mut change.department),
        ("company", |change| &mut change.company),
        ("office", |change| &mut change.office),
    ];

    /// The name to show, if it is given.
    pub(crate) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// What makes a text unfit for a field; `None` when it is fit.
    pub(crate) fn fault(text: &str) -> Option<String> {
        if text.chars().count() > FIELD_MAX {
            return Some(format!("it has over {FIELD_MAX} characters"));
        }
        text.chars()
            .any(char::is_control)
            .then(|| "it has a control character, such as a line break".to_owned())
    }

    /// Name, title, e-mail address and desk phone.
    pub(crate) fn of(name: &str, title: &str, email: &str, phone: &str) -> Self {
        let given = |text: &str| Some(text.to_owned());
        Self {
            name: given(name),
            title: given(title),
            email: given(email),
            phone: given(phone),
            ..Self::default()
        }
    }

    /// What a profile holds, by the names of [`Self::FIELDS`].
    pub(crate) fn fields(profile: &Profile) -> [(&'static str, &str); 8] {
        let Profile { display_name, email, title, work_phone, mobile_phone, department, company, office } =
            profile;
        let values = [display_name, email, title, work_phone, mobile_phone, department, company, office];
        let mut values = values.into_iter();
        Self::FIELDS.map(|(name, _)| (name, values.next().map_or("", String::as_str)))
    }

    /// True when nothing was given.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { name, email, title, phone, mobile, department, company, office } = self;
        [name, email, title, phone, mobile, department, company, office].iter().all(|field| field.is_none())
    }

    /// `profile` with what was given put over it.
    pub(crate) fn over(self, profile: Profile) -> Profile {
        Profile {
            display_name: self.name.unwrap_or(profile.display_name),
            email: self.email.unwrap_or(profile.email),
            title: self.title.unwrap_or(profile.title),
            work_phone: self.phone.unwrap_or(profile.work_phone),
            mobile_phone: self.mobile.unwrap_or(profile.mobile_phone),
            department: self.department.unwrap_or(profile.department),
            company: self.company.unwrap_or(profile.company),
            office: self.office.unwrap_or(profile.office),
        }
    }
}
