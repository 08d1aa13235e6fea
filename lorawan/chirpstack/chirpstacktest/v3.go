package chirpstacktest

import (
	"encoding/hex"

	"github.com/brocaar/chirpstack-api/go/v3/as/integration"
	"github.com/brocaar/chirpstack-api/go/v3/common"
	"github.com/brocaar/chirpstack-api/go/v3/gw"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"havn/lorawan/region"
)

// v3 writes events as the marshalers json and protobuf.
type v3 struct {
	id   uint64
	name string
}

func (v v3) json(e *event) ([]byte, error) {
	return protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(v.message(e))
}

func (v v3) protobuf(e *event) ([]byte, error) { return proto.Marshal(v.message(e)) }

func (v v3) message(e *event) proto.Message {
	var m protoadapt.MessageV1
	switch e.kind {
	case kindUp:
		m = v.up(e)
	case kindJoin:
		m = v.join(e)
	case kindAck:
		m = &integration.AckEvent{
			ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.device.name,
			DevEui: e.device.eui[:], Acknowledged: e.acknowledged, FCnt: e.fCnt,
			Tags: e.device.tags, PublishedAt: timestamppb.New(e.at),
		}
	case kindTxAck:
		m = v.txAck(e)
	default:
		m = &integration.ErrorEvent{
			ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.device.name,
			DevEui: e.device.eui[:], Error: e.text, FCnt: e.fCnt,
			Type: integration.ErrorType(integration.ErrorType_value[e.code]),
			Tags: e.device.tags, PublishedAt: timestamppb.New(e.at),
		}
	}
	return protoadapt.MessageV2Of(m)
}

func (v v3) up(e *event) *integration.UplinkEvent {
	return &integration.UplinkEvent{
		ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.device.name,
		DevEui: e.device.eui[:], RxInfo: v.rx(), TxInfo: v.tx(e), Adr: true,
		Dr: uint32(e.dr), FCnt: e.fCnt, FPort: uint32(e.fPort), Data: e.data,
		Tags: e.device.tags, ConfirmedUplink: e.confirmed, DevAddr: e.devAddr[:],
		PublishedAt: timestamppb.New(e.at), DeviceProfileId: profileID, DeviceProfileName: profileName,
	}
}

func (v v3) join(e *event) *integration.JoinEvent {
	return &integration.JoinEvent{
		ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.device.name,
		DevEui: e.device.eui[:], DevAddr: e.devAddr[:], RxInfo: v.rx(), TxInfo: v.tx(e),
		Dr: uint32(e.dr), Tags: e.device.tags, PublishedAt: timestamppb.New(e.at),
	}
}

func (v v3) txAck(e *event) *integration.TxAckEvent {
	return &integration.TxAckEvent{
		ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.device.name,
		DevEui: e.device.eui[:], FCnt: e.fCnt, Tags: e.device.tags,
		GatewayId: gatewayBytes(), TxInfo: v.down(e.sent), PublishedAt: timestamppb.New(e.at),
	}
}

func (v v3) rx() []*gw.UplinkRXInfo {
	return []*gw.UplinkRXInfo{{
		GatewayId: gatewayBytes(), Rssi: rssi, LoraSnr: snr, CrcStatus: gw.CRCStatus_CRC_OK,
	}}
}

func gatewayBytes() []byte {
	b, _ := hex.DecodeString(gatewayID)
	return b
}

func (v v3) tx(e *event) *gw.UplinkTXInfo {
	return &gw.UplinkTXInfo{
		Frequency: rx1Hz, Modulation: common.Modulation_LORA,
		ModulationInfo: &gw.UplinkTXInfo_LoraModulationInfo{
			LoraModulationInfo: v.lora(e.device, e.dr, false),
		},
	}
}

func (v v3) lora(d *Device, dr int, inverted bool) *gw.LoRaModulationInfo {
	m := d.radio.modulation(dr)
	return &gw.LoRaModulationInfo{
		Bandwidth: uint32(m.kHz), SpreadingFactor: uint32(m.spreadingFactor),
		CodeRate: codeRate, PolarizationInversion: inverted,
	}
}

func (v v3) down(f *frame) *gw.DownlinkTXInfo {
	tx := &gw.DownlinkTXInfo{
		Frequency: hertz(f.window), Power: txPower, Modulation: common.Modulation_LORA,
		ModulationInfo: &gw.DownlinkTXInfo_LoraModulationInfo{
			LoraModulationInfo: v.lora(f.device, f.dr, true),
		},
		Timing: gw.DownlinkTiming_DELAY,
		TimingInfo: &gw.DownlinkTXInfo_DelayTimingInfo{
			DelayTimingInfo: &gw.DelayTimingInfo{Delay: durationpb.New(delay(f))},
		},
	}
	if f.window == region.ClassC {
		tx.Timing = gw.DownlinkTiming_IMMEDIATELY
		tx.TimingInfo = &gw.DownlinkTXInfo_ImmediatelyTimingInfo{
			ImmediatelyTimingInfo: &gw.ImmediatelyTimingInfo{},
		}
	}
	return tx
}
