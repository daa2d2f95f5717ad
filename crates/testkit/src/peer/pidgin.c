/* A person at pidgin-sipe: libpurple without a window. Orders come in as JSON objects of strings, events go out the
   same way, one a line. Arguments: folder, user, server (host:port), transport (tcp or tls), name of the machine. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <glib.h>
#include <purple.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static PurpleAccount *account;
static GMainLoop *loop;
static const char *machine;

/* Found before GLib's: each device of a user needs a machine of its own. */
const gchar *g_get_host_name(void) { return machine ? machine : "localhost"; }

/* Found before libxml2's: SIPE says that its handler is one for SAX2 and fills in only SAX1's functions, and the
   libxml2 of Debian 12 then calls none. The layout is libxml2's xmlSAXHandler. */
typedef struct {
  void *functions[27];
  unsigned int initialized;
  void *rest[4];
} Sax;
int xmlSAXUserParseMemory(Sax *sax, void *data, const char *text, int size);
int xmlSAXUserParseMemory(Sax *sax, void *data, const char *text, int size) {
  static int (*real)(Sax *, void *, const char *, int);
  if (!real) *(void **)&real = dlsym(RTLD_NEXT, "xmlSAXUserParseMemory");
  Sax plain = *sax;
  plain.initialized = 1;
  return real(&plain, data, text, size);
}

/* --- Events ------------------------------------------------------------------------------------------------------ */

static void quote(GString *line, const char *text) {
  g_string_append_c(line, '"');
  for (const unsigned char *c = (const unsigned char *)(text ? text : ""); *c; c++) {
    if (*c == '"' || *c == '\\') g_string_append_printf(line, "\\%c", *c);
    else if (*c < 0x20) g_string_append_printf(line, "\\u%04x", *c);
    else g_string_append_c(line, (gchar)*c);
  }
  g_string_append_c(line, '"');
}

/* tell("kind", "name", value, ..., NULL) */
static void tell(const char *event, ...) {
  GString *line = g_string_new("{\"event\":");
  quote(line, event);
  va_list fields;
  va_start(fields, event);
  for (const char *name; (name = va_arg(fields, const char *));) {
    g_string_append_c(line, ',');
    quote(line, name);
    g_string_append_c(line, ':');
    char *valid = g_utf8_make_valid(va_arg(fields, const char *) ?: "", -1);
    quote(line, valid);
    g_free(valid);
  }
  va_end(fields);
  g_string_append(line, "}\n");
  fwrite(line->str, 1, line->len, stdout);
  fflush(stdout);
  g_string_free(line, TRUE);
}

static void signed_on(PurpleConnection *connection) { (void)connection, tell("online", NULL); }
static void signed_off(PurpleConnection *connection) { (void)connection, tell("offline", NULL); }

static void connection_error(PurpleConnection *connection, int kind, const char *text) {
  (void)connection, (void)kind;
  tell("error", "text", text, NULL);
}

/* People are `user@host` here, and with a scheme inside SIPE. */
static const char *plain(const char *who) { return who && g_str_has_prefix(who, "sip:") ? who + 4 : who; }
static char *named(const char *who) { return g_strdup_printf("sip:%s", plain(who)); }

static char *text_of(const char *html) {
  char **lines = g_strsplit(html, "\r\n", -1);
  char *joined = g_strjoinv("<br>", lines), *text = purple_markup_strip_html(joined);
  g_strfreev(lines);
  g_free(joined);
  return text;
}

static void received(PurpleAccount *own, char *who, char *html, PurpleConversation *conversation, int flags) {
  (void)own, (void)conversation, (void)flags;
  char *text = text_of(html);
  tell("message", "from", plain(who), "text", text, "html", html, NULL);
  g_free(text);
}

/* What is written into a conversation's window beside the messages: that one was not delivered, and why. */
static void wrote(PurpleAccount *own, const char *who, const char *html, PurpleConversation *conversation, int flags) {
  (void)own, (void)who;
  if (!(flags & (PURPLE_MESSAGE_ERROR | PURPLE_MESSAGE_SYSTEM))) return;
  char *text = text_of(html);
  const char *kind = flags & PURPLE_MESSAGE_ERROR ? "error" : "system";
  tell("notice", "with", plain(purple_conversation_get_name(conversation)), "kind", kind, "text", text, NULL);
  g_free(text);
}

static void typing(PurpleAccount *own, const char *who) { (void)own, tell("typing", "from", plain(who), NULL); }
static void typing_stopped(PurpleAccount *own, const char *who) { (void)own, tell("typed", "from", plain(who), NULL); }

static void tell_buddy(const char *event, PurpleBuddy *buddy) {
  PurpleStatus *status = purple_presence_get_active_status(purple_buddy_get_presence(buddy));
  PurpleGroup *group = purple_buddy_get_group(buddy);
  const char *message = purple_status_get_attr_string(status, "message");
  tell(event, "who", plain(purple_buddy_get_name(buddy)), "status", purple_status_get_id(status), "note", message, "alias",
       purple_buddy_get_alias(buddy), "group", group ? purple_group_get_name(group) : "", NULL);
}

static void status_changed(PurpleBuddy *buddy, PurpleStatus *before, PurpleStatus *after) {
  (void)before, (void)after;
  tell_buddy("presence", buddy);
}
static void buddy_presence(PurpleBuddy *buddy) { tell_buddy("presence", buddy); }
static void buddy_added(PurpleBuddy *buddy) { tell_buddy("added", buddy); }
static void buddy_removed(PurpleBuddy *buddy) { tell("removed", "who", plain(purple_buddy_get_name(buddy)), NULL); }

static void *notify_message(PurpleNotifyMsgType kind, const char *title, const char *first, const char *second) {
  (void)kind;
  tell("alert", "title", title, "text", first, "more", second, NULL);
  return NULL;
}

static void *ask_action(const char *title, const char *first, const char *second, int usual, PurpleAccount *own,
                        const char *who, PurpleConversation *conversation, void *data, size_t count, va_list actions) {
  (void)usual, (void)own, (void)conversation, (void)data, (void)count, (void)actions;
  tell("question", "title", title, "text", first, "more", second, "who", plain(who), NULL);
  return NULL;
}

static void ask_to_add(PurpleAccount *own, const char *who, const char *id, const char *alias, const char *text) {
  (void)own, (void)id, (void)alias, (void)text;
  tell("watched", "from", plain(who), NULL);
}

static void *ask_consent(PurpleAccount *own, const char *who, const char *id, const char *alias, const char *text,
                         gboolean known, PurpleAccountRequestAuthorizationCb yes,
                         PurpleAccountRequestAuthorizationCb no, void *data) {
  (void)own, (void)id, (void)alias, (void)text, (void)known, (void)no;
  tell("watched", "from", plain(who), NULL);
  yes(data);
  return NULL;
}

/* --- Orders ------------------------------------------------------------------------------------------------------ */

/* Reads a JSON string, at whose opening quotation mark `*at` stands. */
static char *unquoted(const char **at) {
  GString *text = g_string_new(NULL);
  for ((*at)++; **at && **at != '"'; (*at)++) {
    if (**at != '\\') {
      g_string_append_c(text, **at);
      continue;
    }
    switch (*++*at) {
      case 'n': g_string_append_c(text, '\n'); break;
      case 'r': g_string_append_c(text, '\r'); break;
      case 't': g_string_append_c(text, '\t'); break;
      case 'b': g_string_append_c(text, '\b'); break;
      case 'f': g_string_append_c(text, '\f'); break;
      case 'u': {
        char digits[5] = {0};
        strncpy(digits, *at + 1, 4);
        g_string_append_unichar(text, (gunichar)g_ascii_strtoull(digits, NULL, 16));
        *at += strlen(digits);
        break;
      }
      default: g_string_append_c(text, **at);
    }
  }
  if (**at) (*at)++;
  return g_string_free(text, FALSE);
}

/* An object of strings; surrogate pairs are never written by those who send orders. */
static GHashTable *fields(const char *line) {
  GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
  while ((line = strchr(line, '"'))) {
    char *name = unquoted(&line);
    line = strchr(line, '"');
    if (!line) {
      g_free(name);
      break;
    }
    g_hash_table_insert(table, name, unquoted(&line));
  }
  return table;
}

#define FIELD(name) ((const char *)(g_hash_table_lookup(order, name) ?: ""))

static char *html_of(const char *text) {
  char *escaped = g_markup_escape_text(text, -1);
  char **lines = g_strsplit(escaped, "\n", -1);
  char *html = g_strjoinv("<br>", lines);
  g_strfreev(lines);
  g_free(escaped);
  return html;
}

static void send_message(const char *to, const char *text) {
  PurpleConversation *conversation = purple_find_conversation_with_account(PURPLE_CONV_TYPE_IM, to, account);
  if (!conversation) conversation = purple_conversation_new(PURPLE_CONV_TYPE_IM, account, to);
  char *html = html_of(text);
  purple_conv_im_send(PURPLE_CONV_IM(conversation), html);
  g_free(html);
}

static void close_conversation(const char *with) {
  PurpleConversation *conversation = purple_find_conversation_with_account(PURPLE_CONV_TYPE_IM, with, account);
  if (conversation) purple_conversation_destroy(conversation);
}

static void add_buddy(const char *who, const char *group_name) {
  PurpleGroup *group = purple_find_group(group_name);
  if (!group) {
    group = purple_group_new(group_name);
    purple_blist_add_group(group, NULL);
  }
  PurpleBuddy *buddy = purple_buddy_new(account, who, NULL);
  purple_blist_add_buddy(buddy, NULL, group, NULL);
  purple_account_add_buddy(account, buddy);
}

static void remove_buddy(const char *who) {
  PurpleBuddy *buddy = purple_find_buddy(account, who);
  if (!buddy) return;
  purple_account_remove_buddy(account, buddy, purple_buddy_get_group(buddy));
  purple_blist_remove_buddy(buddy);
}

static void list_buddies(void) {
  GSList *buddies = purple_find_buddies(account, NULL);
  for (GSList *each = buddies; each; each = each->next) tell_buddy("buddy", each->data);
  g_slist_free(buddies);
  tell("listed", NULL);
}

static void sign_in(void) {
  purple_account_set_enabled(account, "trunkline", TRUE);
  if (purple_account_is_disconnected(account)) purple_account_connect(account);
}

static void obey_online(PurpleConnection *connection, const char *what, GHashTable *order) {
  char *who = named(FIELD("who"));
  if (!strcmp(what, "send")) send_message(who, FIELD("text"));
  else if (!strcmp(what, "close")) close_conversation(who);
  else if (!strcmp(what, "type")) serv_send_typing(connection, who, PURPLE_TYPING);
  else if (!strcmp(what, "stop_typing")) serv_send_typing(connection, who, PURPLE_NOT_TYPING);
  else if (!strcmp(what, "add")) add_buddy(who, FIELD("group"));
  else if (!strcmp(what, "remove")) remove_buddy(who);
  else if (!strcmp(what, "status"))
    purple_account_set_status(account, FIELD("status"), TRUE, "message", FIELD("note"), NULL);
  g_free(who);
}

static void obey(const char *line) {
  GHashTable *order = fields(line);
  const char *what = FIELD("do");
  PurpleConnection *connection = purple_account_get_connection(account);
  if (!strcmp(what, "quit")) {
    purple_core_quit();
    tell("gone", NULL);
    g_main_loop_quit(loop);
  } else if (!strcmp(what, "sign_in")) sign_in();
  else if (!strcmp(what, "sign_out")) purple_account_disconnect(account);
  else if (!strcmp(what, "list")) list_buddies();
  else if (connection) obey_online(connection, what, order);
  else tell("error", "text", "not signed in", NULL);
  g_hash_table_destroy(order);
}

static gboolean read_order(GIOChannel *channel, GIOCondition condition, gpointer data) {
  (void)condition, (void)data;
  char *line = NULL;
  GIOStatus status;
  do {
    status = g_io_channel_read_line(channel, &line, NULL, NULL, NULL);
    if (status == G_IO_STATUS_NORMAL) obey(line);
    g_free(line);
    line = NULL;
  } while (status == G_IO_STATUS_NORMAL && g_io_channel_get_buffer_condition(channel) & G_IO_IN);
  if (status == G_IO_STATUS_EOF || status == G_IO_STATUS_ERROR) g_main_loop_quit(loop);
  return status == G_IO_STATUS_NORMAL || status == G_IO_STATUS_AGAIN;
}

/* --- libpurple's needs ------------------------------------------------------------------------------------------- */

typedef struct {
  PurpleInputFunction function;
  gpointer data;
} Watch;

static gboolean watched(GIOChannel *channel, GIOCondition condition, gpointer data) {
  Watch *watch = data;
  PurpleInputCondition met = 0;
  if (condition & (G_IO_IN | G_IO_HUP | G_IO_ERR)) met |= PURPLE_INPUT_READ;
  if (condition & (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL)) met |= PURPLE_INPUT_WRITE;
  watch->function(watch->data, g_io_channel_unix_get_fd(channel), met);
  return TRUE;
}

static guint watch_input(int fd, PurpleInputCondition condition, PurpleInputFunction function, gpointer data) {
  Watch *watch = g_new(Watch, 1);
  *watch = (Watch){function, data};
  GIOCondition wanted = 0;
  if (condition & PURPLE_INPUT_READ) wanted |= G_IO_IN | G_IO_HUP | G_IO_ERR;
  if (condition & PURPLE_INPUT_WRITE) wanted |= G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL;
  GIOChannel *channel = g_io_channel_unix_new(fd);
  guint id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, wanted, watched, watch, g_free);
  g_io_channel_unref(channel);
  return id;
}

static PurpleEventLoopUiOps events = {.timeout_add = g_timeout_add,
                                      .timeout_remove = g_source_remove,
                                      .input_add = watch_input,
                                      .input_remove = g_source_remove,
                                      .timeout_add_seconds = g_timeout_add_seconds};
static PurpleCoreUiOps core;
static PurpleNotifyUiOps notices = {.notify_message = notify_message};
static PurpleRequestUiOps questions = {.request_action = ask_action};
static PurpleAccountUiOps accounts = {.request_add = ask_to_add, .request_authorize = ask_consent};

static void listen_to(void *source, const char *signal, void *function) {
  static int handle;
  purple_signal_connect(source, signal, &handle, PURPLE_CALLBACK(function), NULL);
}

static void listen_to_all(void) {
  void *connections = purple_connections_get_handle(), *talks = purple_conversations_get_handle();
  void *buddies = purple_blist_get_handle();
  listen_to(connections, "signed-on", signed_on);
  listen_to(connections, "signed-off", signed_off);
  listen_to(connections, "connection-error", connection_error);
  listen_to(talks, "received-im-msg", received);
  listen_to(talks, "wrote-im-msg", wrote);
  listen_to(talks, "buddy-typing", typing);
  listen_to(talks, "buddy-typing-stopped", typing_stopped);
  listen_to(buddies, "buddy-status-changed", status_changed);
  listen_to(buddies, "buddy-signed-on", buddy_presence);
  listen_to(buddies, "buddy-signed-off", buddy_presence);
  listen_to(buddies, "buddy-added", buddy_added);
  listen_to(buddies, "buddy-removed", buddy_removed);
}

static gboolean begin(const char *folder, const char *user, const char *server, const char *transport) {
  purple_util_set_user_dir(folder);
  purple_debug_set_enabled(g_getenv("TRUNKLINE_PIDGIN_DEBUG") != NULL);
  purple_core_set_ui_ops(&core);
  purple_eventloop_set_ui_ops(&events);
  purple_plugins_add_search_path("/usr/lib/purple-2");
  if (!purple_core_init("trunkline")) return FALSE;
  purple_notify_set_ui_ops(&notices);
  purple_request_set_ui_ops(&questions);
  purple_accounts_set_ui_ops(&accounts);
  purple_set_blist(purple_blist_new());
  listen_to_all();
  if (!purple_find_prpl("prpl-sipe")) return FALSE;
  char *name = g_strdup_printf("%s,%s", user, user);
  account = purple_account_new(name, "prpl-sipe");
  g_free(name);
  purple_account_set_password(account, "secret");
  purple_account_set_string(account, "server", server);
  purple_account_set_string(account, "transport", transport);
  purple_account_set_bool(account, "dont-publish", TRUE);
  purple_accounts_add(account);
  return TRUE;
}

int main(int count, char **arguments) {
  if (count != 6) return 2;
  signal(SIGPIPE, SIG_IGN);
  machine = arguments[5];
  loop = g_main_loop_new(NULL, FALSE);
  if (!begin(arguments[1], arguments[2], arguments[3], arguments[4])) {
    tell("error", "text", "libpurple does not start or has no prpl-sipe", NULL);
    return 1;
  }
  GIOChannel *orders = g_io_channel_unix_new(STDIN_FILENO);
  g_io_channel_set_encoding(orders, NULL, NULL);
  g_io_channel_set_flags(orders, G_IO_FLAG_NONBLOCK, NULL);
  g_io_add_watch(orders, G_IO_IN | G_IO_HUP | G_IO_ERR, read_order, NULL);
  tell("ready", NULL);
  g_main_loop_run(loop);
  return 0;
}
