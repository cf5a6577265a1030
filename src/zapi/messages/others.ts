// Families that EVPN has nothing to do with: known by name, so that the dump can be filtered by them.
import { u32 } from '../fields.js'
import { layout } from '../message.js'
import type { Family } from './family.js'

//  | pid u32 |
/** ZEBRA_BFD_CLIENT_REGISTER and _DEREGISTER, bfd_client_sendmsg. */
const BFD_CLIENT = layout({ pid: u32 })

export const BFD: Family = {
  name: 'bfd',
  toZebra: { ZEBRA_BFD_CLIENT_REGISTER: BFD_CLIENT, ZEBRA_BFD_CLIENT_DEREGISTER: BFD_CLIENT },
  toBgpd: {},
  nameOnly: [
    'ZEBRA_INTERFACE_BFD_DEST_UPDATE',
    'ZEBRA_BFD_DEST_REGISTER',
    'ZEBRA_BFD_DEST_DEREGISTER',
    'ZEBRA_BFD_DEST_UPDATE',
    'ZEBRA_BFD_DEST_REPLAY',
  ],
}

const named = (name: string, nameOnly: Family['nameOnly'] & object): Family => ({
  name,
  toZebra: {},
  toBgpd: {},
  nameOnly,
})

export const OTHERS: readonly Family[] = [
  BFD,
  named('srv6', [
    'ZEBRA_SRV6_LOCATOR_ADD',
    'ZEBRA_SRV6_LOCATOR_DELETE',
    'ZEBRA_SRV6_MANAGER_GET_LOCATOR_CHUNK',
    'ZEBRA_SRV6_MANAGER_RELEASE_LOCATOR_CHUNK',
    'ZEBRA_SRV6_MANAGER_GET_LOCATOR',
    'ZEBRA_SRV6_MANAGER_GET_SRV6_SID',
    'ZEBRA_SRV6_MANAGER_RELEASE_SRV6_SID',
    'ZEBRA_SRV6_SID_NOTIFY',
  ]),
  named('sr-policy', ['ZEBRA_SR_POLICY_SET', 'ZEBRA_SR_POLICY_DELETE', 'ZEBRA_SR_POLICY_NOTIFY_STATUS']),
  named('pseudowire', ['ZEBRA_PW_ADD', 'ZEBRA_PW_DELETE', 'ZEBRA_PW_SET', 'ZEBRA_PW_UNSET', 'ZEBRA_PW_STATUS_UPDATE']),
  named('pbr', [
    'ZEBRA_RULE_ADD',
    'ZEBRA_RULE_DELETE',
    'ZEBRA_RULE_NOTIFY_OWNER',
    'ZEBRA_IPSET_CREATE',
    'ZEBRA_IPSET_DESTROY',
    'ZEBRA_IPSET_ENTRY_ADD',
    'ZEBRA_IPSET_ENTRY_DELETE',
    'ZEBRA_IPSET_NOTIFY_OWNER',
    'ZEBRA_IPSET_ENTRY_NOTIFY_OWNER',
    'ZEBRA_IPTABLE_ADD',
    'ZEBRA_IPTABLE_DELETE',
    'ZEBRA_IPTABLE_NOTIFY_OWNER',
  ]),
  named('mlag', [
    'ZEBRA_MLAG_PROCESS_UP',
    'ZEBRA_MLAG_PROCESS_DOWN',
    'ZEBRA_MLAG_CLIENT_REGISTER',
    'ZEBRA_MLAG_CLIENT_UNREGISTER',
    'ZEBRA_MLAG_FORWARD_MSG',
  ]),
  named('tc', [
    'ZEBRA_TC_QDISC_INSTALL',
    'ZEBRA_TC_QDISC_UNINSTALL',
    'ZEBRA_TC_CLASS_ADD',
    'ZEBRA_TC_CLASS_DELETE',
    'ZEBRA_TC_FILTER_ADD',
    'ZEBRA_TC_FILTER_DELETE',
  ]),
]
