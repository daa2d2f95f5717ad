use trunkline_model::{ChatId, Epoch, MessageId, MessageText, MessageTextError, Seq};

use super::{BeginSession, Call, DirectoryField, NotifyBackground, Params, Target};
use crate::{ApiError, ErrorCode, Limits, Method};

/// Longest personal message, in characters.
const MAX_NOTE: usize = 1_000;

/// Longest name, id, search term or version, in characters.
const MAX_NAME: usize = 255;

/// Most entries in one answer to mailbox.Sync.
const MAX_SYNC: usize = 200;

impl Call {
    /// Reads the parameters of a method: 1011 for what is missing, 1012 for what is wrong.
    pub(crate) fn read(method: Method, p: &mut Params, limits: Limits) -> Result<Self, ApiError> {
        use Method as M;
        Ok(match method {
            _ if method.unsupported() => Self::NotSupported,
            M::GetAuthenticationInfo => Self::GetAuthenticationInfo { token: p.secret(&["gdAuthToken"])? },
            M::BeginSession => Self::BeginSession(Box::new(begin_session(p)?)),
            M::SetGdAuthToken => Self::SetGdAuthToken { token: p.required_secret(&["gdAuthToken"])? },
            M::SetGdToken => Self::SetGdToken { token: p.required_secret(&["gdToken", "SetGDToken"])? },
            M::SetOAuth2Token => Self::SetOAuth2Token { token: p.required_secret(&["oAuth2Token"])? },
            M::Ping => Self::Ping,
            M::NotifyBackground => Self::NotifyBackground(notify_background(p)?),
            M::TerminateSession => Self::TerminateSession,
            M::MailboxSync => mailbox_sync(p)?,
            M::ConversationRead => conversation_read(p)?,
            M::DeviceList => Self::DeviceList,
            M::SetPresence | M::SetPersonalMessage | M::GetContactsState => presence(method, p)?,
            M::RegisterTempRemotePresence => Self::RegisterTempRemotePresence { contact: p.contact()? },
            M::UnregisterTempRemotePresence => Self::UnregisterTempRemotePresence { contacts: p.contacts()? },
            M::StartChat => Self::StartChat { contact: p.contact()? },
            M::AcceptChat => Self::AcceptChat { request: p.chat(&["requestId", "chatId"])? },
            M::DeclineChat => Self::DeclineChat { request: p.chat(&["requestId", "chatId"])? },
            M::SendMessage => send_message(p, limits)?,
            M::StartTyping => Self::StartTyping { contact: p.contact()? },
            M::StopTyping => Self::StopTyping { contact: p.contact()? },
            M::MessageAck => message_ack(p)?,
            M::EndChat => Self::EndChat(target(p)?),
            _ => roster(method, p)?,
        })
    }
}

fn roster(method: Method, p: &mut Params) -> Result<Call, ApiError> {
    use Method as M;
    Ok(match method {
        M::GetContactList => Call::GetContactList { after: p.address_opt("after")? },
        M::GetContactDetail => Call::GetContactDetail { contact: p.contact()? },
        M::GetContactPhotos => Call::GetContactPhotos { contacts: p.contacts()? },
        M::AddContact => Call::AddContact { contact: p.contact()?, group: p.group_opt()? },
        M::RemoveContact => Call::RemoveContact { contact: p.contact()? },
        M::AddGroup => Call::AddGroup { name: group_name(p, &["groupName"])? },
        M::RenameGroup => {
            Call::RenameGroup { group: p.group()?, name: group_name(p, &["newGroupName", "groupName"])? }
        }
        M::RemoveGroup => Call::RemoveGroup { group: p.group()? },
        M::CopyContactToGroup => Call::CopyContactToGroup { contact: p.contact()?, group: p.group()? },
        M::RemoveContactFromGroup => {
            Call::RemoveContactFromGroup { contact: p.contact()?, group: p.group()? }
        }
        M::BlockContact => Call::BlockContact { contacts: p.contacts()? },
        M::UnblockContact => Call::UnblockContact { contacts: p.contacts()? },
        M::SearchDirectory => search_directory(p)?,
        M::ContactBlock => Call::ContactBlock { contact: p.contact()? },
        M::ContactUnblock => Call::ContactUnblock { contact: p.contact()? },
        _ => Call::NotSupported,
    })
}

fn begin_session(p: &mut Params) -> Result<BeginSession, ApiError> {
    Ok(BeginSession {
        token: match p.secret(&["gdAuthToken"])? {
            Some(token) => Some(token),
            None => p.secret(&["gdToken"])?,
        },
        device_token: p.filled(&["deviceToken"], MAX_NAME)?,
        presence: p.presence()?,
        personal_message: p.text(&["personalMessage"], MAX_NOTE)?,
        im_password: p.secret(&["imPassword"])?,
        platform: p.filled(&["platform"], MAX_NAME)?,
        app_version: p.filled(&["appVersion"], MAX_NAME)?,
    })
}

fn notify_background(p: &mut Params) -> Result<NotifyBackground, ApiError> {
    let background = p.truth(&["isBackgroundMode"])?;
    let timeout = p.number(&["timeout"])?.ok_or_else(|| ApiError::missing("timeout"))?;
    let Ok(timeout_secs) = u32::try_from(timeout) else {
        return Err(ApiError::invalid("timeout", "is not a number of seconds from 0"));
    };
    // The vendor's client takes whatever it does not know as 2.
    let push_type = match p.has("pushType") {
        true => {
            Some(p.number(&["pushType"]).ok().flatten().filter(|kind| (0..=4).contains(kind)).unwrap_or(2))
        }
        false => None,
    };
    let unread = p.number(&["unreadMessageCount"])?;
    let push_max_length = p.number(&["pushMaxLength"])?;
    Ok(NotifyBackground { background, timeout_secs, unread, push_type, push_max_length })
}

fn presence(method: Method, p: &mut Params) -> Result<Call, ApiError> {
    // The vendor's notes name the same parameter differently.
    let note = &["personalMessage", "message"];
    Ok(match method {
        Method::SetPresence => {
            let choice = p.presence()?.ok_or_else(|| ApiError::missing("presence"))?;
            Call::SetPresence { choice, personal_message: p.text(note, MAX_NOTE)? }
        }
        Method::SetPersonalMessage => {
            // Empty is no error here: it clears the note.
            let text = p.text(note, MAX_NOTE)?.ok_or_else(|| ApiError::missing("personalMessage"))?;
            Call::SetPersonalMessage { personal_message: text }
        }
        _ => Call::GetContactsState { contacts: p.contacts()? },
    })
}

fn group_name(p: &mut Params, names: &[&'static str]) -> Result<String, ApiError> {
    let name = p.required(names, MAX_NAME)?;
    if name.trim().is_empty() {
        return Err(ApiError::invalid("groupName", "holds nothing but spaces"));
    }
    Ok(name)
}

fn search_directory(p: &mut Params) -> Result<Call, ApiError> {
    let term = p.required(&["keySearch"], MAX_NAME)?.trim().to_owned();
    if term.chars().nth(1).is_none() {
        return Err(ApiError::invalid("keySearch", "is shorter than 2 characters"));
    }
    let field = match p.text(&["typeSearch"], MAX_NAME)?.unwrap_or_default().to_ascii_lowercase().as_str() {
        "name" | "firstname" | "lastname" | "displayname" => DirectoryField::Name,
        "email" => DirectoryField::Email,
        "phone" => DirectoryField::Phone,
        _ => DirectoryField::Any,
    };
    Ok(Call::SearchDirectory { term, field })
}

fn send_message(p: &mut Params, limits: Limits) -> Result<Call, ApiError> {
    let contact = p.contact()?;
    let id = message_id(p)?;
    let Some((name, value)) = p.take(&["message"]) else { return Err(ApiError::missing("message")) };
    let serde_json::Value::String(text) = value else {
        return Err(ApiError::invalid(name, "is not a string"));
    };
    let text = MessageText::new(&text, limits.max_message_chars).map_err(|error| match error {
        MessageTextError::Empty => ApiError::missing(name),
        other => ApiError::invalid(name, other),
    })?;
    Ok(Call::SendMessage { contact, text, id })
}

fn message_id(p: &mut Params) -> Result<MessageId, ApiError> {
    let text = p.required(&["messageId"], usize::MAX)?;
    text.parse().map_err(|error| ApiError::invalid("messageId", error))
}

fn message_ack(p: &mut Params) -> Result<Call, ApiError> {
    let id = message_id(p)?;
    let status = p.required(&["status"], MAX_NAME)?;
    if !status.eq_ignore_ascii_case("delivered") {
        return Err(ApiError::invalid("status", "is not delivered"));
    }
    Ok(Call::MessageAck { id, contact: p.contact_opt()? })
}

/// The vendor calls the parameter a session's id and shows an address, so both are understood.
fn target(p: &mut Params) -> Result<Target, ApiError> {
    let names = &["contactId", "contactIds", "chatId"];
    let (name, text) = p.first_text(names)?.ok_or_else(|| ApiError::missing("contactId"))?;
    if let Ok(chat) = text.parse::<ChatId>() {
        return Ok(Target::Chat(chat));
    }
    if name == "chatId" {
        return Err(ApiError::invalid(name, "is not the id of a conversation"));
    }
    text.parse().map(Target::Contact).map_err(|error| ApiError::invalid(name, error))
}

fn mailbox_sync(p: &mut Params) -> Result<Call, ApiError> {
    let epoch = p.number(&["epoch"])?.map(Epoch);
    let since = p.number(&["since"])?.unwrap_or(0);
    if since < 0 {
        return Err(ApiError::invalid("since", "is below 0"));
    }
    let limit = match p.number(&["limit"])? {
        None => 100,
        Some(number) => usize::try_from(number)
            .ok()
            .filter(|limit| (1..=MAX_SYNC).contains(limit))
            .ok_or_else(|| ApiError::invalid("limit", format_args!("is not from 1 to {MAX_SYNC}")))?,
    };
    Ok(Call::MailboxSync { epoch, since: Seq(since), limit })
}

fn conversation_read(p: &mut Params) -> Result<Call, ApiError> {
    if p.has("roomId") && !p.has("contactId") {
        return Err(ApiError::new(ErrorCode::NotSupported, "there are no rooms on this relay"));
    }
    let contact = p.contact()?;
    let up_to = match p.number(&["upTo"])? {
        Some(seq) if seq < 0 => return Err(ApiError::invalid("upTo", "is below 0")),
        other => other.map(Seq),
    };
    Ok(Call::ConversationRead { contact, up_to })
}
