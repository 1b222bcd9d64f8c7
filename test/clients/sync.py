"""Runs the guide's client code (guide.py) against a server of choice.

sync.py SERVER TOKEN STATE from-crm DEALS: creates or updates projects by deals, {id: name}.
sync.py SERVER TOKEN STATE to-crm SINCE: updates the CRM, which is the file STATE.
"""

import json
import os
import sys
from types import SimpleNamespace

server, token, file, step, argument = sys.argv[1:]
directory = os.path.dirname(__file__)
with open(f"{directory}/guide.py") as guide:
    exec(guide.read().replace("https://app.propstreet.com", server))


class Crm:
    """What the guide leaves to its reader."""

    def __init__(self):
        self.deals = {}
        if os.path.exists(file):
            with open(file) as state:
                self.deals = json.load(state)

    def archive_deal(self, deal_id):
        self.deals.pop(deal_id, None)

    def upsert_deal(self, deal):
        self.deals[deal["external_id"]] = {**deal, "contacts": {}}

    def link_contact_to_deal(self, deal_id, contact_id, role, is_communicated):
        self.deals[deal_id]["contacts"][contact_id] = {"role": role, "is_communicated": is_communicated}


if step == "from-crm":
    sync = PropstreetCRMSync()
    sync.base_url = f"{server}/api/v1"
    sync.headers = {"Authorization": f"Bearer {token}"}
    for deal, name in json.loads(argument).items():
        sync.sync_from_crm(SimpleNamespace(id=deal, name=name))
else:
    sync = PropstreetSync(token)
    sync.crm = Crm()
    sync.sync_projects_to_crm(datetime.fromisoformat(argument))
    with open(file, "w") as state:
        json.dump(sync.crm.deals, state)
