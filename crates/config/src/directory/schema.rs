/// What is known of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryField {
    /// The address on the IM system.
    Address,
    /// The name to show.
    Name,
    /// First names.
    FirstName,
    /// Family names.
    LastName,
    /// E-mail address.
    Email,
    /// Job title.
    Title,
    /// Desk phone.
    WorkPhone,
    /// Mobile phone.
    MobilePhone,
    /// Department.
    Department,
    /// Company.
    Company,
    /// Office or room.
    Office,
    /// Photo.
    Photo,
}

impl DirectoryField {
    /// Every field.
    pub const ALL: [Self; 12] = [
        Self::Address,
        Self::Name,
        Self::FirstName,
        Self::LastName,
        Self::Email,
        Self::Title,
        Self::WorkPhone,
        Self::MobilePhone,
        Self::Department,
        Self::Company,
        Self::Office,
        Self::Photo,
    ];

    /// The word in the attribute `attributes`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Name => "name",
            Self::FirstName => "firstName",
            Self::LastName => "lastName",
            Self::Email => "email",
            Self::Title => "title",
            Self::WorkPhone => "workPhone",
            Self::MobilePhone => "mobilePhone",
            Self::Department => "department",
            Self::Company => "company",
            Self::Office => "office",
            Self::Photo => "photo",
        }
    }
}

/// What people look like in a directory, unless an admin says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Schema {
    ActiveDirectory,
    InetOrgPerson,
}

impl Schema {
    /// Who is found at all. In Active Directory the number is the rule "has this bit", and 2 is that of a disabled account.
    pub(super) fn filter(self) -> &'static str {
        match self {
            Self::ActiveDirectory => {
                "(&(objectCategory=person)(objectClass=user)\
                 (!(userAccountControl:1.2.840.113556.1.4.803:=2)){search})"
            }
            Self::InetOrgPerson => "(&(objectClass=inetOrgPerson){search})",
        }
    }

    fn of(self, field: DirectoryField) -> &'static [&'static str] {
        use DirectoryField as F;
        match (self, field) {
            (Self::ActiveDirectory, F::Address) => &["msRTCSIP-PrimaryUserAddress", "proxyAddresses"],
            (Self::ActiveDirectory, F::Name) => &["displayName"],
            (Self::ActiveDirectory, F::Department) => &["department"],
            (Self::ActiveDirectory, F::Company) => &["company"],
            (Self::ActiveDirectory, F::Office) => &["physicalDeliveryOfficeName"],
            (Self::InetOrgPerson, F::Address) => &["mail"],
            (Self::InetOrgPerson, F::Name) => &["displayName", "cn"],
            (Self::InetOrgPerson, F::Department) => &["departmentNumber", "ou"],
            (Self::InetOrgPerson, F::Company) => &["o"],
            (Self::InetOrgPerson, F::Office) => &["roomNumber", "physicalDeliveryOfficeName"],
            (Self::ActiveDirectory, F::Photo) => &["thumbnailPhoto", "jpegPhoto"],
            (Self::InetOrgPerson, F::Photo) => &["jpegPhoto"],
            (_, F::FirstName) => &["givenName"],
            (_, F::LastName) => &["sn"],
            (_, F::Email) => &["mail"],
            (_, F::Title) => &["title"],
            (_, F::WorkPhone) => &["telephoneNumber"],
            (_, F::MobilePhone) => &["mobile"],
        }
    }

    /// What an admin says of a field counts instead.
    pub(super) fn attributes(
        self,
        own: Vec<(DirectoryField, Vec<String>)>,
    ) -> Vec<(DirectoryField, Vec<String>)> {
        let usual = |field| self.of(field).iter().map(|name| (*name).to_owned()).collect();
        let fields = DirectoryField::ALL.into_iter().map(|field| {
            let said = own.iter().find(|(other, _)| *other == field).map(|(_, names)| names.clone());
            (field, said.unwrap_or_else(|| usual(field)))
        });
        fields.collect()
    }
}

/// The table of both for the reference.
pub(crate) fn schemas() -> String {
    let mut text =
        "What `schema` stands for:\n\n| | `active-directory` | `inetorgperson` |\n|---|---|---|\n".to_owned();
    let both = [Schema::ActiveDirectory, Schema::InetOrgPerson];
    let [one, other] = both.map(|schema| schema.filter());
    text += &format!("| `filter` | `{one}` | `{other}` |\n");
    for field in DirectoryField::ALL {
        let [one, other] = both.map(|schema| schema.of(field).join(","));
        text += &format!("| `{}` | `{one}` | `{other}` |\n", field.word());
    }
    text
}
