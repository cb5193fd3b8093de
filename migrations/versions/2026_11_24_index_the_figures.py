"""index the filings with anything but zeros."""

from collections.abc import Sequence

from alembic import op
from sqlalchemy import text

revision: str = "2026112410"
down_revision: str | None = "2026112403"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

FIGURES = {
    "figures_2019_to_2020_documents": (
        "filing_documents",
        "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(rules__made|rules__published|rules__public_total|normative_documents__made|normative_documents__published|normative_documents__public_total, 1) <> 0",
    ),
    "figures_from_2021_documents": (
        "filing_documents",
        "year >= 2021 AND NOT nil AND coalesce(rules__issued|rules__repealed|rules__in_force|normative_documents__issued|normative_documents__repealed|normative_documents__in_force, 1) <> 0",
    ),
    "figures_2019_to_2020_licensing": (
        "filing_licensing",
        "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(licences__items_last_year|licences__items_change|licences__decisions|other_services__items_last_year|other_services__items_change|other_services__decisions, 1) <> 0",
    ),
    "figures_from_2021_licensing": (
        "filing_licensing",
        "year >= 2021 AND NOT nil AND coalesce(licences__decisions, 1) <> 0",
    ),
    "figures_2019_to_2020_enforcement": (
        "filing_enforcement",
        "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(penalties__items_last_year|penalties__items_change|penalties__decisions|compulsion__items_last_year|compulsion__items_change|compulsion__decisions, 1) <> 0",
    ),
    "figures_from_2021_enforcement": (
        "filing_enforcement",
        "year >= 2021 AND NOT nil AND coalesce(penalties__decisions|compulsion__decisions, 1) <> 0",
    ),
    "figures_2019_to_2020_fees": (
        "filing_fees",
        "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(charges__items_last_year|charges__items_change, 1) <> 0",
    ),
    "figures_from_2021_fees": (
        "filing_fees",
        "year >= 2021 AND NOT nil AND coalesce(charges__amount, 1) <> 0",
    ),
    "figures_2019_to_2020_procurement": (
        "filing_procurement",
        "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(centralized__items|centralized__amount, 1) <> 0",
    ),
    "figures_2019_to_2020_requests": (
        "filing_requests",
        "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_handling__natural_person|other_handling__commercial|other_handling__research|other_handling__public_interest|other_handling__legal_service|other_handling__other_organization|other_handling__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0",
    ),
    "figures_from_2021_requests": (
        "filing_requests",
        "year >= 2021 AND NOT nil AND coalesce(received__natural_person|received__commercial|received__research|received__public_interest|received__legal_service|received__other_organization|received__total|carried_in__natural_person|carried_in__commercial|carried_in__research|carried_in__public_interest|carried_in__legal_service|carried_in__other_organization|carried_in__total|granted__natural_person|granted__commercial|granted__research|granted__public_interest|granted__legal_service|granted__other_organization|granted__total|partly_granted__natural_person|partly_granted__commercial|partly_granted__research|partly_granted__public_interest|partly_granted__legal_service|partly_granted__other_organization|partly_granted__total|refused_state_secret__natural_person|refused_state_secret__commercial|refused_state_secret__research|refused_state_secret__public_interest|refused_state_secret__legal_service|refused_state_secret__other_organization|refused_state_secret__total|refused_by_law__natural_person|refused_by_law__commercial|refused_by_law__research|refused_by_law__public_interest|refused_by_law__legal_service|refused_by_law__other_organization|refused_by_law__total|refused_security__natural_person|refused_security__commercial|refused_security__research|refused_security__public_interest|refused_security__legal_service|refused_security__other_organization|refused_security__total|refused_third_party__natural_person|refused_third_party__commercial|refused_third_party__research|refused_third_party__public_interest|refused_third_party__legal_service|refused_third_party__other_organization|refused_third_party__total|refused_internal__natural_person|refused_internal__commercial|refused_internal__research|refused_internal__public_interest|refused_internal__legal_service|refused_internal__other_organization|refused_internal__total|refused_process__natural_person|refused_process__commercial|refused_process__research|refused_process__public_interest|refused_process__legal_service|refused_process__other_organization|refused_process__total|refused_enforcement_file__natural_person|refused_enforcement_file__commercial|refused_enforcement_file__research|refused_enforcement_file__public_interest|refused_enforcement_file__legal_service|refused_enforcement_file__other_organization|refused_enforcement_file__total|refused_query__natural_person|refused_query__commercial|refused_query__research|refused_query__public_interest|refused_query__legal_service|refused_query__other_organization|refused_query__total|unavailable_not_held__natural_person|unavailable_not_held__commercial|unavailable_not_held__research|unavailable_not_held__public_interest|unavailable_not_held__legal_service|unavailable_not_held__other_organization|unavailable_not_held__total|unavailable_not_made__natural_person|unavailable_not_made__commercial|unavailable_not_made__research|unavailable_not_made__public_interest|unavailable_not_made__legal_service|unavailable_not_made__other_organization|unavailable_not_made__total|unavailable_unclear__natural_person|unavailable_unclear__commercial|unavailable_unclear__research|unavailable_unclear__public_interest|unavailable_unclear__legal_service|unavailable_unclear__other_organization|unavailable_unclear__total|declined_petition__natural_person|declined_petition__commercial|declined_petition__research|declined_petition__public_interest|declined_petition__legal_service|declined_petition__other_organization|declined_petition__total|declined_repeat__natural_person|declined_repeat__commercial|declined_repeat__research|declined_repeat__public_interest|declined_repeat__legal_service|declined_repeat__other_organization|declined_repeat__total|declined_publication__natural_person|declined_publication__commercial|declined_publication__research|declined_publication__public_interest|declined_publication__legal_service|declined_publication__other_organization|declined_publication__total|declined_excessive__natural_person|declined_excessive__commercial|declined_excessive__research|declined_excessive__public_interest|declined_excessive__legal_service|declined_excessive__other_organization|declined_excessive__total|declined_reconfirm__natural_person|declined_reconfirm__commercial|declined_reconfirm__research|declined_reconfirm__public_interest|declined_reconfirm__legal_service|declined_reconfirm__other_organization|declined_reconfirm__total|other_not_corrected__natural_person|other_not_corrected__commercial|other_not_corrected__research|other_not_corrected__public_interest|other_not_corrected__legal_service|other_not_corrected__other_organization|other_not_corrected__total|other_fee_unpaid__natural_person|other_fee_unpaid__commercial|other_fee_unpaid__research|other_fee_unpaid__public_interest|other_fee_unpaid__legal_service|other_fee_unpaid__other_organization|other_fee_unpaid__total|other_misc__natural_person|other_misc__commercial|other_misc__research|other_misc__public_interest|other_misc__legal_service|other_misc__other_organization|other_misc__total|handled__natural_person|handled__commercial|handled__research|handled__public_interest|handled__legal_service|handled__other_organization|handled__total|carried_out__natural_person|carried_out__commercial|carried_out__research|carried_out__public_interest|carried_out__legal_service|carried_out__other_organization|carried_out__total, 1) <> 0",
    ),
    "figures_2019_to_2020_disputes": (
        "filing_disputes",
        "year >= 2019 AND year <= 2020 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0",
    ),
    "figures_from_2021_disputes": (
        "filing_disputes",
        "year >= 2021 AND NOT nil AND coalesce(reconsideration__upheld|reconsideration__corrected|reconsideration__other_result|reconsideration__pending|reconsideration__total|litigation_direct__upheld|litigation_direct__corrected|litigation_direct__other_result|litigation_direct__pending|litigation_direct__total|litigation_after_reconsideration__upheld|litigation_after_reconsideration__corrected|litigation_after_reconsideration__other_result|litigation_after_reconsideration__pending|litigation_after_reconsideration__total, 1) <> 0",
    ),
}


def upgrade() -> None:
    for name, (table, where) in FIGURES.items():
        has_figures = text(where)
        op.create_index(
            name,
            table,
            ["year", "agency"],
            sqlite_where=has_figures,
            postgresql_where=has_figures,
        )


def downgrade() -> None:
    for name, (table, _) in FIGURES.items():
        op.drop_index(name, table_name=table)
