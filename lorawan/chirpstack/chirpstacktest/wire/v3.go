package wire

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

func (v v3) json(e *Event) ([]byte, error) {
	return protojson.MarshalOptions{EmitUnpopulated: true}.Marshal(v.message(e))
}

func (v v3) protobuf(e *Event) ([]byte, error) { return proto.Marshal(v.message(e)) }

func (v v3) message(e *Event) proto.Message {
	var m protoadapt.MessageV1
	switch e.Kind {
	case Up:
		m = v.up(e)
	case Join:
		m = v.join(e)
	case Ack:
		m = &integration.AckEvent{
			ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.Device.Name,
			DevEui: e.Device.EUI[:], Acknowledged: e.Acknowledged, FCnt: e.FCnt,
			Tags: e.Device.Tags, PublishedAt: timestamppb.New(e.At),
		}
	case TxAck:
		m = v.txAck(e)
	default:
		m = &integration.ErrorEvent{
			ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.Device.Name,
			DevEui: e.Device.EUI[:], Error: e.Text, FCnt: e.FCnt,
			Type: integration.ErrorType(integration.ErrorType_value[e.Code]),
			Tags: e.Device.Tags, PublishedAt: timestamppb.New(e.At),
		}
	}
	return protoadapt.MessageV2Of(m)
}

func (v v3) up(e *Event) *integration.UplinkEvent {
	return &integration.UplinkEvent{
		ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.Device.Name,
		DevEui: e.Device.EUI[:], RxInfo: v.rx(), TxInfo: v.tx(e), Adr: true,
		Dr: uint32(e.DR), FCnt: e.FCnt, FPort: uint32(e.FPort), Data: e.Data,
		Tags: e.Device.Tags, ConfirmedUplink: e.Confirmed, DevAddr: e.DevAddr[:],
		PublishedAt: timestamppb.New(e.At), DeviceProfileId: profileID, DeviceProfileName: profileName,
	}
}

func (v v3) join(e *Event) *integration.JoinEvent {
	return &integration.JoinEvent{
		ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.Device.Name,
		DevEui: e.Device.EUI[:], DevAddr: e.DevAddr[:], RxInfo: v.rx(), TxInfo: v.tx(e),
		Dr: uint32(e.DR), Tags: e.Device.Tags, PublishedAt: timestamppb.New(e.At),
	}
}

func (v v3) txAck(e *Event) *integration.TxAckEvent {
	return &integration.TxAckEvent{
		ApplicationId: v.id, ApplicationName: v.name, DeviceName: e.Device.Name,
		DevEui: e.Device.EUI[:], FCnt: e.FCnt, Tags: e.Device.Tags,
		GatewayId: gatewayBytes(), TxInfo: v.down(e), PublishedAt: timestamppb.New(e.At),
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

func (v v3) tx(e *Event) *gw.UplinkTXInfo {
	return &gw.UplinkTXInfo{
		Frequency: rx1Hz, Modulation: common.Modulation_LORA,
		ModulationInfo: &gw.UplinkTXInfo_LoraModulationInfo{
			LoraModulationInfo: v.lora(e.Device, e.DR, false),
		},
	}
}

func (v v3) lora(d Device, dr int, inverted bool) *gw.LoRaModulationInfo {
	m := modulation(d.Region, dr)
	return &gw.LoRaModulationInfo{
		Bandwidth: uint32(m.kHz), SpreadingFactor: uint32(m.spreadingFactor),
		CodeRate: codeRate, PolarizationInversion: inverted,
	}
}

func (v v3) down(e *Event) *gw.DownlinkTXInfo {
	f := e.Sent
	tx := &gw.DownlinkTXInfo{
		Frequency: hertz(f.Window), Power: txPower, Modulation: common.Modulation_LORA,
		ModulationInfo: &gw.DownlinkTXInfo_LoraModulationInfo{
			LoraModulationInfo: v.lora(e.Device, f.DR, true),
		},
		Timing: gw.DownlinkTiming_DELAY,
		TimingInfo: &gw.DownlinkTXInfo_DelayTimingInfo{
			DelayTimingInfo: &gw.DelayTimingInfo{Delay: durationpb.New(delay(f))},
		},
	}
	if f.Window == region.ClassC {
		tx.Timing = gw.DownlinkTiming_IMMEDIATELY
		tx.TimingInfo = &gw.DownlinkTXInfo_ImmediatelyTimingInfo{
			ImmediatelyTimingInfo: &gw.ImmediatelyTimingInfo{},
		}
	}
	return tx
}
