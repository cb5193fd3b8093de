"""Every kind of problem and fault, in words: the register behind `/problems/{type}`."""

from dataclasses import dataclass

from app.domain.layout import Label


@dataclass(frozen=True, slots=True)
class Problem:
    """A type of problem: its status, title, detail (a template), cause and cure."""

    slug: str
    status: int
    title: Label
    detail: Label
    cause: Label
    cure: Label


def _problem(
    slug: str, status: int, title: tuple[str, str], detail: tuple[str, str],
    cause: tuple[str, str], cure: tuple[str, str],
) -> Problem:  # fmt: skip
    return Problem(slug, status, Label(*title), Label(*detail), Label(*cause), Label(*cure))


_ALL = (
    _problem(
        "malformed-json", 400,
        ("请求体不是合法的 JSON", "The body is not JSON"),
        ("请求体无法读取：{reason}", "The body cannot be read: {reason}"),
        ("请求体不是 UTF-8 编码的 JSON 对象，或嵌套过深。",
         "The body is not a JSON object in UTF-8, or is nested too deeply."),
        ("用 JSON 库生成请求体，并以 UTF-8 编码发送。",
         "Let a JSON library write the body, and send it in UTF-8."),
    ),
    _problem(
        "duplicate-member", 400,
        ("同一成员出现了两次", "A member stands twice"),
        ("请求体中有 {count} 个成员重复出现。", "{count} members of the body stand there twice."),
        ("一个 JSON 对象中同名成员出现多次，无法判断以哪个为准。",
         "An object has two members of one name, so that it is unclear which is meant."),
        ("每个成员只写一次；`errors` 逐一指出位置。",
         "Write each member once; `errors` points at each."),
    ),
    _problem(
        "cursor-mismatch", 400,
        ("游标与筛选或排序不符", "The cursor belongs to another query"),
        ("该游标是在其他筛选或排序条件下取得的，或已损坏。",
         "The cursor was made with another sort or other filters, or is damaged."),
        ("游标带有取得它时的筛选与排序条件。",
         "A cursor carries the sort and the filters that it was made with."),
        ("原样使用上一页的 `next`，不要更改其他参数；或不带游标重新开始。",
         "Use `next` of the page before as it is and change nothing else, or start without one."),
    ),
    _problem(
        "malformed-gzip", 400,
        ("请求体不是完整的 gzip", "The body is not gzip, or ends early"),
        ("请求体声明为 gzip，但无法解压或不完整。",
         "The body is said to be gzip, but cannot be unpacked or ends early."),
        ("Content-Encoding 为 gzip，而内容不是，或传输中断。",
         "Content-Encoding is gzip, but the content is not, or was cut off."),
        ("用 gzip 压缩整个文件，或不发送 Content-Encoding。",
         "Pack the whole file with gzip, or send no Content-Encoding."),
    ),
    _problem(
        "credentials-in-query", 400,
        ("凭据不得写在地址里", "Credentials do not belong into an address"),
        ("地址的查询部分含有凭据；请用 Authorization 头。",
         "The query of the address has a credential in it: use the Authorization header."),
        ("地址会被记入日志、历史记录和来源页。",
         "Addresses are written into logs, histories and referrers."),
        ("改用 `Authorization: Bearer gk_…`，并更换已写入地址的密钥。",
         "Send `Authorization: Bearer gk_…`, and replace the key that stood in the address."),
    ),
    _problem(
        "authentication-required", 401,
        ("需要身份凭据", "Who are you?"),
        ("此操作需要 API 密钥或访问令牌。", "This operation needs an API key or an access token."),
        ("请求没有 Authorization 头。", "The request has no Authorization header."),
        ("发送 `Authorization: Bearer gk_…`。", "Send `Authorization: Bearer gk_…`."),
    ),
    _problem(
        "invalid-credentials", 401,
        ("凭据无效", "The credentials are not valid"),
        ("凭据无效。", "The credentials are not valid."),
        ("密钥不存在、已过期或已吊销，令牌未通过验证，或格式不对；为安全起见不说明是哪一种。",
         "No such key, or expired, or revoked, or the token did not pass: which, is not told."),
        ("检查 `Authorization: Bearer gk_…`；向管理员索取新密钥。",
         "Check `Authorization: Bearer gk_…`, or ask an administrator for a new key."),
    ),
    _problem(
        "forbidden", 403,
        ("没有权限", "Not allowed"),
        ("缺少权限 `{right}`。", "The right `{right}` is lacking."),
        ("您的身份已确认，但所属角色或机构范围不允许此操作。",
         "It is known who you are, but your role, or the agency it is for, does not allow this."),
        ("向管理员申请相应角色与机构的密钥。",
         "Ask an administrator for a key with that role, for that agency."),
    ),
    _problem(
        "bad-idempotency-key", 400,
        ("Idempotency-Key 不合规定", "The Idempotency-Key is not valid"),
        ("Idempotency-Key 须为 1 至 255 个可见的 ASCII 字符。",
         "An Idempotency-Key has 1 to 255 visible ASCII characters."),
        ("Idempotency-Key 为空、过长、重复，或含有空格、汉字等字符。",
         "The Idempotency-Key is empty, too long, given twice, or has other characters."),
        ("每次新的操作使用一个新的 UUID。", "Use a new UUID for each new operation."),
    ),
    _problem(
        "unreadable-workbook", 400,
        ("工作簿无法读取", "The workbook cannot be read"),
        ("工作簿无法读取：{reason}。", "The workbook cannot be read: {reason}."),
        ("文件不是本服务的工作簿，或已损坏、加密、过大。",
         "The file is no workbook of this service, or is damaged, encrypted or too large."),
        ("从 `/v1/forms/{form}/template.xlsx` 下载工作簿，填写后以 XLSX 格式保存。",
         "Take the workbook from `/v1/forms/{form}/template.xlsx`, fill it in, save it as XLSX."),
    ),
    _problem(
        "not-found", 404,
        ("没有这个地址", "There is nothing at this address"),
        ("没有名为 {path} 的资源。", "There is no resource {path}."),
        ("路径不属于本服务。", "The path is not one of this service."),
        ("地址见 `/docs`；地址末尾不带斜杠。", "See `/docs`; addresses have no slash at the end."),
    ),
    _problem(
        "agency-not-found", 404,
        ("没有这个机构", "No such agency"),
        ("没有代码为 {agency} 的机构。", "No agency has the code {agency}."),
        ("路径中的机构代码未登记。", "The agency's code in the path is not registered."),
        ("用 `PUT /v1/agencies/{agency}` 登记，或在 `/v1/agencies` 中查找。代码区分大小写。",
         "Register it with `PUT /v1/agencies/{agency}`, or look it up; codes are case-sensitive."),
    ),
    _problem(
        "reporting-year-not-found", 404,
        ("没有这个报告年度", "No such reporting year"),
        ("报告年度 {year} 未登记。", "The reporting year {year} is not registered."),
        ("路径中的年度未登记。", "The year in the path is not registered."),
        ("用 `PUT /v1/reporting-years/{year}` 登记。",
         "Register it with `PUT /v1/reporting-years/{year}`."),
    ),
    _problem(
        "report-not-found", 404,
        ("没有这份报告", "No such report"),
        ("机构 {agency} 没有 {year} 年度的报告。", "The agency {agency} has no report on {year}."),
        ("该机构尚未填报该年度，或报告已删除。",
         "The agency has not filed for that year, or the report was deleted."),
        ("用 `PUT /v1/reports/{agency}/{year}` 填报。",
         "File it with `PUT /v1/reports/{agency}/{year}`."),
    ),
    _problem(
        "import-not-found", 404,
        ("没有这次导入", "No such import"),
        ("没有编号为 {id} 的导入。", "There is no import {id}."),
        ("编号有误，或该导入结束已久，其结果不再保留。",
         "The id is wrong, or the import ended long ago and its outcomes are no longer kept."),
        ("现有的导入见 `/v1/imports`。", "See `/v1/imports` for those that are there."),
    ),
    _problem(
        "key-not-found", 404,
        ("没有这个密钥", "No such key"),
        ("没有编号为 {id} 的密钥。", "There is no key {id}."),
        ("编号不是密钥本身；密钥吊销后仍有编号。",
         "An id is not the key itself; a key that was revoked still has its id."),
        ("用 `GET /v1/keys` 查看现有的密钥。", "See `GET /v1/keys`."),
    ),
    _problem(
        "audit-entry-not-found", 404,
        ("没有这条审计日志", "No such audit entry"),
        ("没有编号为 {seq} 的审计日志。", "There is no audit entry {seq}."),
        ("编号有误，或该条目早于保留期限，已清理。",
         "The number is wrong, or the entry is older than the log is kept."),
        ("用 `GET /v1/audit` 查看现有的条目。", "See `GET /v1/audit`."),
    ),
    _problem(
        "finding-not-found", 404,
        ("没有这项核查结果", "No such finding"),
        ("该报告没有编号为 {id} 的核查结果。", "The report has no finding {id}."),
        ("数据已改，该结果已消失，或编号有误。",
         "The figures were changed and it is gone, or the id is another."),
        ("用 `GET …/findings` 查看现有的核查结果。", "See `GET …/findings`."),
    ),
    _problem(
        "decision-not-found", 404,
        ("没有作过说明", "Nothing was said"),
        ("对 {id} 没有说明。", "Nothing was said of {id}."),
        ("没有人说明过，或数据改动后已失效并被撤回。",
         "Nobody has said anything of it, or it was taken back."),
        ("用 PUT 作出说明。", "Say something with PUT."),
    ),
    _problem(
        "revision-not-found", 404,
        ("没有这个修订", "No such revision"),
        ("该报告没有修订 {revision}。", "The report has no revision {revision}."),
        ("修订号有误，或该修订对您不可见。", "There is none, or it is not yours to see."),
        ("用 `GET …/revisions` 查看现有的修订。", "See `GET …/revisions`."),
    ),
    _problem(
        "webhook-not-found", 404,
        ("没有这个推送", "No such webhook"),
        ("没有编号为 {id} 的推送。", "There is no webhook {id}."),
        ("推送未登记或已删除。", "The webhook was never there, or was deleted."),
        ("用 `GET /v1/webhooks` 查看现有的推送。", "See `GET /v1/webhooks`."),
    ),
    _problem(
        "succession-not-found", 404,
        ("没有这条沿革", "No such succession"),
        ("没有编号为 {id} 的沿革。", "There is no succession {id}."),
        ("沿革未登记或已删除。", "The succession was never there, or was deleted."),
        ("用 `GET /v1/successions` 查看现有的沿革。", "See `GET /v1/successions`."),
    ),
    _problem(
        "form-not-found", 404,
        ("没有这个格式", "No such form"),
        ("没有编号为 {form} 的格式。", "There is no form {form}."),
        ("格式以首次使用的年度编号。", "Forms are named by the year of their first use."),
        ("所有格式见 `/v1/forms`。", "See `/v1/forms` for all of them."),
    ),
    _problem(
        "table-not-in-form", 404,
        ("该年度的格式没有这张表", "The year's form has no such table"),
        ("{year} 年度使用的格式 {form} 没有表 {table}。",
         "Reports on {year} follow the form {form}, which has no table {table}."),
        ("各年度的格式不同：政府采购只在 2019 年版中。",
         "The forms differ: procurement is in that of 2019 only."),
        ("该年度的表见 `/v1/forms/{form}`。", "See `/v1/forms/{form}` for the year's tables."),
    ),
    _problem(
        "table-not-filed", 404,
        ("这张表未填报", "The table is not filed"),
        ("机构 {agency} 的 {year} 年度报告未填报表 {table}。",
         "The report of {agency} on {year} has no table {table}."),
        ("该表尚未填报，或已删除。", "The table was never filed, or was deleted."),
        ("用 PUT 填报；声明为空用 `{\"filing\": \"nil\"}`。",
         "File it with PUT; to declare it empty, send `{\"filing\": \"nil\"}`."),
    ),
    _problem(
        "method-not-allowed", 405,
        ("该地址不支持此方法", "The method is not allowed here"),
        ("{method} 不适用于此地址，可用的方法见 Allow。",
         "{method} is not allowed here; Allow names what is."),
        ("地址存在，但没有这个操作。", "The address exists but not this operation."),
        ("所有操作见 `/docs`。", "See `/docs` for every operation."),
    ),
    _problem(
        "not-acceptable", 406,
        ("无法给出所要的格式", "The type asked for cannot be given"),
        ("此处以 {media_type} 回复。", "Replies here are {media_type}."),
        ("Accept 不含回复的媒体类型，多为 application/json。",
         "Accept does not include the media type of replies, mostly application/json."),
        ("发送 `Accept: application/json`（文件为其自身的类型），或不发送 Accept。",
         "Send `Accept: application/json` (of a file, its own type), or no Accept."),
    ),
    _problem(
        "already-exists", 409,
        ("已经存在", "It exists already"),
        ("{key} 已经存在。", "{key} exists already."),
        ("POST 只新建。", "POST only creates."),
        ("要替换，用 PUT；要修改，用 PATCH。", "To replace it use PUT, to change it use PATCH."),
    ),
    _problem(
        "year-closed", 409,
        ("报告年度已关闭", "The reporting year is closed"),
        ("报告年度 {year} 已关闭，不再接受报告的改动。",
         "The reporting year {year} is closed: its reports can no longer be written."),
        ("该年度的收集工作已经结束。", "The collection of that year has ended."),
        ("如确需更正，先将该年度改为 `open`。",
         "To correct something, set the year to `open` first."),
    ),
    _problem(
        "report-locked", 409,
        ("报告已锁定", "The report is locked"),
        ("报告现处于 `{state}` 状态，不能改动。",
         "The report is `{state}`: it cannot be written now."),
        ("报告已提交、已审核通过或已公开。", "It was submitted, accepted or published."),
        ("已提交的由上级退回后再改；已公开的先以 `correct` 开始更正并说明理由。",
         "What was submitted must be returned first; what was published, corrected with a reason."),
    ),
    _problem(
        "report-published", 409,
        ("已公开的报告不能删除", "What was published cannot be deleted"),
        ("该报告曾经公开，不能删除。", "The report was published and cannot be deleted."),
        ("已公开的数据只能更正，不能抹去。",
         "What was published can be corrected, but not made undone."),
        ("更正后重新提交并公开。", "Correct it, submit it and publish it again."),
    ),
    _problem(
        "transition-not-possible", 409,
        ("现在不能这样办理", "Not possible now"),
        ("报告现处于 `{state}` 状态，不能执行 `{action}`。",
         "The report is `{state}`: `{action}` is not possible."),
        ("别人先办理了，或步骤不对。", "Somebody else was first, or the order is another."),
        ("读取 `…/transitions` 查看现在可以做什么。",
         "Read `…/transitions` for what can be done now."),
    ),
    _problem(
        "submission-refused", 422,
        ("还不能提交", "It cannot be submitted yet"),
        ("有 {count} 个问题待解决：错误须改正，警告须说明。",
         "{count} findings stand in the way: errors must be corrected, warnings explained."),
        ("提交时重新检查全部规则。", "All rules are checked anew at submission."),
        ("改正数据；对每个警告以 `PUT …/findings/{id}/decision` 作出说明。",
         "Correct the figures, and explain each warning by `PUT …/findings/{id}/decision`."),
    ),
    _problem(
        "in-use", 409,
        ("仍被使用，不能删除", "It is in use and cannot be deleted"),
        ("{key} 尚有报告 {reports}、下级（含曾经）{children}、沿革 {successions}、密钥 {keys}。",
         "{key}: {reports} reports, {children} agencies, {successions} successions, {keys} keys."),
        ("仍有其他数据依赖它。", "Other data depend on it."),
        ("先删除或改动依赖它的数据。", "Delete or change what depends on it first."),
    ),
    _problem(
        "uscc-taken", 409,
        ("统一社会信用代码已被使用", "The USCC is taken"),
        ("统一社会信用代码 {uscc} 已属于机构 {holder}。",
         "The USCC {uscc} belongs to the agency {holder}."),
        ("统一社会信用代码在本登记库中是唯一的。", "A USCC is unique in the register."),
        ("核对代码，或先从原机构上移除。", "Check the code, or remove it from its holder first."),
    ),
    _problem(
        "import-not-ended", 409,
        ("导入尚未结束", "The import has not ended"),
        ("导入 {id} 尚未结束，还没有结果。", "The import {id} has not ended: no outcomes yet."),
        ("结果在导入结束后才能读取。", "The outcomes can be read once the import has ended."),
        ("查询导入的状态，待 `state` 为 `done` 或 `failed` 后再读取。",
         "Poll the import until its `state` is `done` or `failed`."),
    ),
    _problem(
        "idempotency-key-in-use", 409,
        ("使用此 Idempotency-Key 的请求正在处理",
         "A request with this Idempotency-Key is under way"),
        ("第一次使用此 Idempotency-Key 的请求尚未处理完毕。",
         "The first request with this Idempotency-Key has not been answered yet."),
        ("同一请求在得到回复之前又发送了一次。",
         "The request was sent again before it was answered."),
        ("按 Retry-After 稍后重试，届时返回第一次的回复。",
         "Retry after Retry-After: then the reply to the first is given."),
    ),
    _problem(
        "conflict", 409,
        ("与现有数据冲突", "It conflicts with what is there"),
        ("与同时发生的另一改动冲突。", "It conflicts with another change made at the same time."),
        ("另一请求同时改动了相关数据。", "Another request changed related data meanwhile."),
        ("重新读取后再试。", "Read again and retry."),
    ),
    _problem(
        "cursor-gone", 410,
        ("变更流不再保留该位置", "The feed no longer has this place"),
        ("变更流现有第 {oldest} 至 {latest} 号，不能从第 {after} 号之后读起；请重新载入全部数据。",
         "The feed has changes {oldest} to {latest} and cannot go on after {after}: load again."),
        ("其后的变更已超过保留期限；或数据库由备份恢复，尚未到达该位置。",
         "What followed is no longer kept, or a backup was restored that has not come so far."),
        ("先记下标头 Feed-Position，再载入全部数据（导出或列表），然后以该位置为 `after` 跟踪。",
         "Note the header Feed-Position, load all (export or lists), and pass it as `after` then."),
    ),
    _problem(
        "precondition-failed", 412,
        ("前提条件不成立", "A condition does not hold"),
        ("资源已被他人改动，或不符合 If-Match / If-None-Match。",
         "It was changed by somebody else, or does not meet If-Match or If-None-Match."),
        ("If-Match 中的版本不是当前版本，或资源（不）存在。",
         "The revision in If-Match is not the current one, or the resource is (not) there."),
        ("重新读取，对照 `errors` 所列的差异，以新的 ETag 再试。",
         "Read again, look at the differences in `errors`, and retry with the new ETag."),
    ),
    _problem(
        "request-timeout", 408,
        ("请求体来得太慢", "The body came too slowly"),
        ("请求体未能及时到达（时限 {seconds} 秒，收到数据后相应延长）。",
         "The body did not arrive in time: {seconds} s, and more for what had arrived."),
        ("连接中断、过慢，或请求体比 Content-Length 所说的短。",
         "The line is slow or broken, or the body shorter than its Content-Length."),
        ("重新发送；大文件用 `Content-Encoding: gzip` 压缩后导入。",
         "Send it again; import large files with `Content-Encoding: gzip`."),
    ),
    _problem(
        "too-many-requests", 429,
        ("请求过于频繁", "Too many requests"),
        ("每分钟最多 {limit} 次；请 {seconds} 秒后再试。",
         "At most {limit} a minute: try again in {seconds} s."),
        ("超出了密钥或来源地址的每分钟限额，或该地址出示无效凭据的次数过多。",
         "A quota of the key or the address, or that of useless credentials, is used up."),
        ("等待 `Retry-After` 秒；批量写入用 `/v1/imports`，跟踪变更用 `/v1/changes`。",
         "Wait for `Retry-After` seconds; import many reports at once; follow `/v1/changes`."),
    ),
    _problem(
        "too-many-at-once", 429,
        ("同时进行的请求过多", "Too many requests at once"),
        ("同一调用方最多同时进行 {limit} 个请求。",
         "At most {limit} requests of a caller at once."),
        ("之前的请求还没有结束；事件流和等待中的请求也计算在内。",
         "Earlier requests are still under way; streams and those that wait count, too."),
        ("等待之前的请求结束，关闭不用的连接，并减少并发。",
         "Wait for earlier ones to end, close streams that nobody reads, ask for less at once."),
    ),
    _problem(
        "body-too-large", 413,
        ("请求体过大", "The body is too large"),
        ("请求体不得超过 {limit} 字节。", "A body has at most {limit} bytes."),
        ("请求体超过了上限。", "The body is over the limit."),
        ("缩短文字部分，或逐表提交；导入时把文件分成几份。",
         "Shorten prose, or send table by table; send an import in several files."),
    ),
    _problem(
        "unsupported-media-type", 415,
        ("不支持这种类型的请求体", "The body's media type is not supported"),
        ("请求体须为 {expected}。", "Bodies are {expected}."),
        ("Content-Type 缺失或不是该操作所接受的类型；或请求体被压缩，而只有导入可以用 gzip。",
         "Content-Type is missing or not taken here; or the body is packed: only imports may be."),
        ("发送 application/json；PATCH 也可用 application/merge-patch+json；导入见 `detail`。",
         "Send application/json, or application/merge-patch+json to PATCH; imports: see `detail`."),
    ),
    _problem(
        "invalid-body", 422,
        ("请求体的内容不合规定", "The body is not valid"),
        ("请求体有 {count} 处错误，未保存任何内容。",
         "The body has {count} faults; nothing was stored."),
        ("请求体的结构或取值不合规定。数字不平不在此列：会被保存，并由 `findings` 指出。",
         "Members or values are not what the form takes. Figures that do not add up are stored."),
        ("按 `errors` 逐一改正；所有错误一次列出。",
         "Correct what `errors` points at; it lists every fault at once."),
    ),
    _problem(
        "invalid-parameter", 422,
        ("参数不合规定", "A parameter is not valid"),
        ("有 {count} 个参数不合规定。", "{count} parameters are not valid."),
        ("查询参数或路径中的代码、年度不合规定，或没有这个参数。",
         "A query parameter, or a code or year in the path, has no valid value, or is unknown."),
        ("按 `errors` 逐一改正；参数见 `/docs`。", "Correct what `errors` names; see `/docs`."),
    ),
    _problem(
        "year-without-form", 422,
        ("该年度没有适用的格式", "No form is in use for that year"),
        ("本登记库使用 2019 年起的格式；此前的年度不适用。",
         "The forms of the register begin with the year 2019."),
        ("2019 年以前的报告使用其他格式。", "Reports before 2019 used other forms."),
        ("使用 2019 年及以后的年度。", "Use 2019 or a later year."),
    ),
    _problem(
        "invalid-import", 422,
        ("导入的文件有误，未保存任何内容", "The file has faults; nothing was stored"),
        ("文件共 {sent} 份报告，其中 {failed} 份有误；未保存任何内容。",
         "Of {sent} reports in the file {failed} have faults; nothing was stored."),
        ("`mode=atomic` 时一处有误则全部不保存。`errors` 至多 1000 处，先列每行第一处。",
         "With `mode=atomic` one fault keeps all from being stored; each line's first come first."),
        ("改正所列各行后重新导入；或用 `mode=partial` 只保存无误的报告。",
         "Correct those lines and import again, or use `mode=partial` to store what has no fault."),
    ),
    _problem(
        "idempotency-key-reused", 422,
        ("Idempotency-Key 已用于另一请求", "The Idempotency-Key was used for another request"),
        ("此 Idempotency-Key 已用于方法、地址或内容不同的请求。",
         "The Idempotency-Key was used for a request of another method, address or body."),
        ("同一个 Idempotency-Key 只能用于同一请求的重复发送。",
         "An Idempotency-Key is for repeats of one and the same request."),
        ("换用新的 Idempotency-Key。", "Use a new Idempotency-Key."),
    ),
    _problem(
        "internal-error", 500,
        ("服务内部错误", "Something went wrong here"),
        ("服务出现错误，已记录。", "The service failed; the failure was logged."),
        ("这是本服务的缺陷。", "This is a defect of the service."),
        ("报告 `instance` 中的编号。", "Report it with the number in `instance`."),
    ),
    _problem(
        "unavailable", 503,
        ("服务暂不可用", "Unavailable for the moment"),
        ("数据库暂时无法使用，请稍后再试。", "The database cannot be used now; retry soon."),
        ("数据库不可达、正忙或正在维护。", "The database is away, busy or in maintenance."),
        ("按 Retry-After 稍后重试；未确认的写入没有保存。",
         "Retry after Retry-After; what was not confirmed was not stored."),
    ),
)  # fmt: skip

PROBLEMS: dict[str, Problem] = {problem.slug: problem for problem in _ALL}

FAULTS: dict[str, Label] = {
    "required": Label("缺少此成员。", "This member is required."),
    "unknown-member": Label("没有这个成员。", "There is no such member."),
    "not-an-object": Label("须为 JSON 对象。", "Must be an object."),
    "not-a-list": Label("须为 JSON 数组。", "Must be an array."),
    "not-a-text": Label("须为文字。", "Must be text."),
    "not-a-boolean": Label("须为 true 或 false。", "Must be true or false."),
    "not-a-year": Label("须为 4 位年份的整数。", "Must be a year of four digits, as an integer."),
    "not-a-count": Label(
        '须为 0 至 9007199254740992 的整数、null（空白）或 "n/a"（不适用）。',
        'Must be a whole number from 0 to 9007199254740992, null (blank) or "n/a".',
    ),
    "not-a-change": Label(
        '须为 -9007199254740992 至 9007199254740992 的整数、null（空白）或 "n/a"（不适用）。',
        'Must be a whole number from -9007199254740992 to 9007199254740992, null (blank) or "n/a".',
    ),
    "not-a-decimal": Label(
        '须为十进制数的字符串（整数部分至多 12 位，小数至多 6 位，如 "59237.2449"）、'
        'null（空白）或 "n/a"（不适用）。',
        'Must be a decimal as text (up to 12 digits and 6 places, as "59237.2449"), null (blank) '
        'or "n/a".',
    ),
    "not-a-date": Label('须为日期，如 "2025-01-31"。', 'Must be a date, as "2025-01-31".'),
    "not-a-time": Label(
        "须为带时区的 RFC 3339 时间。", "Must be an RFC 3339 time with its offset."
    ),
    "not-a-url": Label("须为 http 或 https 地址。", "Must be an http or https URL."),
    "not-one-of": Label("须为其中之一：{expected}。", "Must be one of {expected}."),
    "too-long": Label("至多 {limit} 个字符。", "At most {limit} characters."),
    "empty": Label("不得为空。", "Must not be empty."),
    "bad-text": Label(
        "不得含控制字符（制表符和换行符除外）或不成对的代理字符。",
        "Must have no control characters but tab and line feed, and no lone surrogates.",
    ),
    "bad-code": Label(
        "代码为 1 至 32 个字符：字母、数字、点、下划线、连字符，以字母或数字开头。",
        "A code has 1 to 32 letters, digits, dots, underscores, hyphens; a letter or digit first.",
    ),
    "bad-uscc": Label(
        "不是 18 位统一社会信用代码。", "Is not a USCC of 18 characters (GB 32100-2015)."
    ),
    "bad-check-character": Label(
        "校验码应为 {expected}；若确为发放时有误，设 uscc_unchecked 为 true。",
        "The check character should be {expected}; if the code was really issued so, set "
        "uscc_unchecked to true.",
    ),
    "bad-division": Label(
        "行政区划代码为 6 位或 9 位数字，以省级代码开头。",
        "A division code has 6 or 9 digits and begins with a province (GB/T 2260).",
    ),
    "bad-remark-key": Label(
        "键须为“行”或“行.列”。", "A remark's key is a line, or line.column, of the table."
    ),
    "unknown-agency": Label("没有这个机构。", "There is no such agency."),
    "unknown-report": Label("没有这份报告。", "There is no such report."),
    "unknown-cell": Label(
        "没有名为 {name} 的单元格；名称如 requests.received.total。",
        "There is no cell {name}; a name is as requests.received.total.",
    ),
    "unknown-measure": Label(
        "没有名为 {name} 的指标；所有指标见 /v1/measures。",
        "There is no measure {name}; see /v1/measures.",
    ),
    "unknown-key": Label(
        "不能按 {name} 分组；可用：{expected}。", "Cannot group by {name}, only by {expected}."
    ),
    "too-many": Label("至多 {limit} 项。", "At most {limit} of them."),
    "not-a-report": Label(
        "须为年度（2023）或“机构代码/年度”（321300/2023）。",
        "Must be a year (2023), or an agency and a year (321300/2023).",
    ),
    "unknown-year": Label("该报告年度未登记。", "The reporting year is not registered."),
    "year-without-form": Label("2019 年以前没有适用的格式。", "No form is in use before 2019."),
    "circle": Label("机构不能是自己的上级或上级的上级。", "An agency cannot be above itself."),
    "in-the-future": Label("不得晚于今天 {today}。", "Must not be after today, {today}."),
    "before-last-change": Label(
        "不得早于上一次变更之日 {start}。", "Must not be before the last change, of {start}."
    ),
    "succeeds-itself": Label("机构不能承继自己。", "An agency cannot follow itself."),
    "succession-circle": Label(
        "同一年度内各机构不得互相承继。",
        "In one year, agencies would follow each other in a circle.",
    ),
    "ends-before-start": Label("不得早于 active_from。", "Must not be before active_from."),
    "contradicts-path": Label(
        "与路径不符：路径为 {expected}。", "Contradicts the path: {expected}."
    ),
    "contradicts-year": Label(
        "与年度不符：该年度使用格式 {expected}。",
        "Contradicts the year, which uses the form {expected}.",
    ),
    "missing-with-data": Label(
        "filing 为 missing 时不得有数据和备注。", "A missing table has neither data nor remarks."
    ),
    "table-not-in-form": Label("该年度的格式没有这张表。", "The year's form has no such table."),
    "broken-cell": Label(
        "单元格为错误值，或公式没有结果：{text}。",
        "The cell holds an error, or a formula without its result: {text}.",
    ),
    "duplicate-member": Label("此成员重复出现。", "This member stands twice."),
    "malformed-json": Label("不是合法的 JSON：{reason}。", "Is not JSON: {reason}."),
    "line-too-long": Label("一行不得超过 {limit} 字节。", "A line has at most {limit} bytes."),
    "not-decodable": Label(
        "不是 UTF-8 或 GB18030 编码。", "Is encoded neither in UTF-8 nor in GB18030."
    ),
    "malformed-csv": Label("不合 CSV 语法：{reason}。", "Is not CSV: {reason}."),
    "maybe-torn": Label(
        "第 {line} 行（{cause}）读不出属于哪份报告，因此各报告是否完整均无法确定。",
        "Line {line} ({cause}) does not tell of which report it is: none is known to be whole.",
    ),
    "too-many-faults": Label(
        "有误的行超过 {limit} 行，以下未读，未保存任何内容。",
        "More than {limit} lines have faults: the rest was not read, and nothing is stored.",
    ),
    "too-many-members": Label(
        "成员共 {count} 个，至多 {limit} 个。", "There are {count} members, of at most {limit}."
    ),
    "bad-header": Label(
        "首行须为列名：{expected}。", "The first line must name the columns: {expected}."
    ),
    "too-many-rows": Label("一份报告至多 {limit} 行。", "A report has at most {limit} rows."),
    "unreadable-workbook": Label(
        "不是可读的工作簿：{reason}。", "Is not a workbook that can be read: {reason}."
    ),
    "year-closed": Label("该报告年度已关闭。", "The reporting year is closed."),
    "not-your-agency": Label(
        "密钥只能填报机构 {agency} 的报告。", "The key is for the reports of agency {agency} only."
    ),
    "report-locked": Label(
        "报告现处于 {state} 状态，不能改动。", "The report is {state}: it cannot be written now."
    ),
    "finding-stands": Label("{id}：错误须改正。", "{id}: an error must be corrected."),
    "finding-unexplained": Label("{id}：警告须说明。", "{id}: a warning must be explained."),
    "finding-lapsed": Label(
        "{id}：数值已变，原说明失效。", "{id}: the values changed, so what was said has lapsed."
    ),
    "error-stands": Label(
        "错误不能说明了事，须改正数据。", "An error cannot be explained away: correct the figures."
    ),
    "not-with-as-of": Label(
        "不能与 as_of 同用：核查结果与更新时间只有现在的。",
        "Not with as_of: findings and times of change are those of the present.",
    ),
    "agency-required": Label("此角色须指明机构。", "This role is for an agency: name it."),
    "reason-required": Label("须说明理由。", "A reason is required."),
    "differs": Label("与现存的值不同。", "Differs from what is stored."),
    "unknown-parameter": Label("没有这个参数。", "There is no such parameter."),
    "repeated-parameter": Label("此参数只能出现一次。", "This parameter may stand once only."),
    "too-many-reports": Label(
        "有 {count} 份报告，一张工作表至多 {limit} 行；请缩小范围（如按年度），或用其他格式。",
        "There are {count} reports and a sheet has {limit} rows: narrow by year or under, or take "
        "another format.",
    ),
    "out-of-range": Label("须在 {least} 至 {most} 之间。", "Must be from {least} to {most}."),
    "bad-target": Label(
        "推送地址须有主机名，不得含用户名、密码或片段。",
        "A target has a host, and neither credentials nor a fragment.",
    ),
    "private-target": Label(
        "推送地址须在公共网络内。", "The target is in a private network, which is not allowed here."
    ),
    "bad-secret": Label(
        "密钥须为 whsec_ 加 24 至 64 字节的 Base64。",
        "A secret is whsec_ and the Base64 of 24 to 64 bytes.",
    ),
    "invalid": Label("不合规定：{reason}", "Is not valid: {reason}"),
}
"""What a fault's code means; `{names}` are filled from the fault."""
