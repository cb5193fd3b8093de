"""The OpenAPI document, with what FastAPI does not say of its own accord."""

import json
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from app.api.documentation import problem_responses, problems
from app.api.rights import ANYBODY, RIGHTS
from app.api.routing import Direct
from app.api.schemas import ProblemOut, build_bodies

FILE = Path(__file__).parents[2] / "openapi" / "openapi.json"

TAGS = [
    ("reports", "报告 · Reports", "各机构各年度的报告。 / An agency's report on a year."),
    ("tables", "统计表 · Tables", "报告中的统计表，可单独读写。 / The tables of a report."),
    ("findings", "核查结果 · Findings", "规则核查出的问题。 / What the rules found."),
    ("validations", "试算 · Validations", "只核查，不保存。 / Checks that store nothing."),
    ("imports", "批量导入 · Imports", "一个文件中的多份报告。 / Many reports in one file."),
    ("agencies", "机构 · Agencies", "填报机构及其隶属关系。 / Who reports, and their tree."),
    (
        "successions",
        "沿革 · Successions",
        "机构的合并、分立、更名。 / Which agency followed which.",
    ),
    ("rollups", "汇总 · Roll-ups", "下级报告的合计。 / What the reports below an agency come to."),
    ("reporting-years", "报告年度 · Reporting years", "格式、期限与开闭。 / Form, dates, status."),
    ("changes", "变更 · Changes", "按提交次序的变更流。 / What was committed, in its order."),
    ("exports", "导出 · Exports", "以文件导出报告。 / Reports as files, streamed."),
    ("filing", "报送 · Filing", "提交、退回、审核、公开与更正。 / From draft to published."),
    ("history", "历史 · History", "每一次修订。 / Every revision, as it was."),
    ("keys", "密钥 · Keys", "谁可以做什么。 / Who may call, and as what."),
    ("webhooks", "推送 · Webhooks", "把变更签名后发给订阅方。 / Changes, signed and sent."),
    ("forms", "格式 · Forms", "国办印发的各版格式。 / The published editions of the form."),
    ("rules", "规则 · Rules", "核查规则目录。 / The catalogue of rules."),
    (
        "statistics",
        "统计与比较 · Statistics",
        "比较、时间序列与统计指标。 / Comparisons, series and measures.",
    ),
    ("digests", "核对 · Digests", "证明两套数据一致的摘要。 / Proof that two instances agree."),
    ("audit", "审计日志 · Audit log", "何人何时何地改了什么。 / Who changed what, when."),
    ("system", "运行 · System", "健康检查、监控与错误说明。 / Health, metrics, problem pages."),
]

DESCRIPTION = """\
政府信息公开工作年度报告统计数据登记库。 / The register of the statistics in China's government
information disclosure annual reports.

* 报告的数字按填报原样保存，合计由服务计算，矛盾之处在 `findings` 中指出。
  / Figures are kept as reported, totals computed beside them; `findings` name what does not add up.
* 空白（`null`）不等于 0；不适用写 `"n/a"`。 / A blank (`null`) is not 0; not applicable is `"n/a"`.
* 错误为 RFC 9457，一次列出全部问题；语言由 Accept-Language 决定（zh 或 en）。
  / Errors are RFC 9457 problems that name every fault, in zh or en by Accept-Language.
* 并发修改用 ETag 与 If-Match。 / Use ETag and If-Match against lost updates.
"""


def document(app: FastAPI) -> dict[str, Any]:
    """Return the document."""
    build_bodies()
    made = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        routes=[route.documented() for route in app.routes if isinstance(route, Direct)],
        webhooks=app.webhooks.routes,
        tags=[
            {"name": name, "x-displayName": shown, "description": text}
            for name, shown, text in TAGS
        ],
        servers=[{"url": app.state.settings.root_path or "/", "description": "this service"}],
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    _, found = models_json_schema(
        [(ProblemOut, "serialization")], ref_template="#/components/schemas/{model}"
    )
    made["components"]["responses"] = problem_responses()
    schemas = made["components"]["schemas"]
    schemas.update(found["$defs"])
    made["components"]["securitySchemes"] = {_SCHEME: _BEARER}
    _drop_own_errors(made)
    for path in made["paths"].values():
        for operation in path.values():
            _secure(operation, is_open=app.state.settings.anonymous_read)
    whole: dict[str, Any] = _without_consts(made)
    return whole


_SCHEME = "bearer"
_BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": "API 密钥，或所设 OpenID 提供方的访问令牌。 / An API key, or an access token of "
    "the OpenID provider of this service.",
}


def _secure(operation: dict[str, Any], *, is_open: bool) -> None:
    """Say which credentials an operation takes, and how those are refused who may not use it."""
    right = RIGHTS.get(operation["operationId"])
    statuses = [400, 401, 429]
    if right == "open":
        operation["security"] = []
        return
    operation["security"] = [{_SCHEME: []}]
    if right in ANYBODY and is_open:
        operation["security"].insert(0, {})
    if right not in ANYBODY and right != "check":
        statuses.append(403)
    if "requestBody" in operation:
        statuses.append(408)
    refusals = {str(status): told for status, told in problems(*statuses).items()}
    operation["responses"] = dict(sorted({**refusals, **operation["responses"]}.items()))


def _drop_own_errors(made: dict[str, Any]) -> None:
    """Take out the framework's own 422, which it adds wherever a path has parameters."""
    for path in (*made["paths"].values(), *made.get("webhooks", {}).values()):
        for operation in path.values():
            if "HTTPValidationError" in str(operation["responses"].get("422")):
                del operation["responses"]["422"]
    for name in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(name, None)


def _without_consts(found: Any) -> Any:
    """Write each text that is a `const` as an `enum` of one.

    They mean the same, but openapi-python-client reads no `const` within `anyOf`.
    """
    if isinstance(found, list):
        return [_without_consts(each) for each in found]
    if not isinstance(found, dict):
        return found
    made = {name: _without_consts(value) for name, value in found.items()}
    if isinstance(found.get("const"), str):
        made["enum"] = [made.pop("const")]
    return made


def text(app: FastAPI) -> str:
    """Return the document as it is committed."""
    return json.dumps(document(app), ensure_ascii=False, indent=1) + "\n"
